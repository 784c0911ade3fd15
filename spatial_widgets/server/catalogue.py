"""The tasks of the hosted Spatial Analysis service, and how each stands here: local, approximated, or in need of data.

Source of the names: https://developers.arcgis.com/rest/analysis/tasks/tasks-overview
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ABSENT", "APPROXIMATES", "CATALOGUE", "LOCAL", "Entry", "words"]

LOCAL = "local"
#: The result is of the same kind, by a method that differs from Esri's; the task's messages and its description say how.
APPROXIMATES = "local, approximates"
#: What is said of a local task that a service does not have.
ABSENT = "not on this service"


@dataclass(frozen=True, slots=True)
class Entry:
    """How one task stands. ``missing`` is the data it needs that nobody ships, ``instead`` what to use here."""

    word: str
    missing: str = ""
    instead: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the task works here."""
        return not self.missing

    def refusal(self, name: str) -> str:
        """Return the one error that a submit of a task that is not local is answered with."""
        return f"{name} cannot run on this service: it needs {self.missing}. {self.instead}"


def _needs(short: str, missing: str, instead: str) -> Entry:
    return Entry(f"needs {short}", missing, instead)


_STREETS = "a street network with travel times, and none comes along"
_ELEVATION = "an elevation model, and none comes along"
_RIVERS = "an elevation model with flow directions, and none comes along"
_HOSTED = "a GPService of a hosted Spatial Analysis service"

CATALOGUE: Mapping[str, Entry] = {
    "AggregatePoints": Entry(LOCAL),
    "CalculateCompositeIndex": Entry(LOCAL),
    "CalculateDensity": Entry(APPROXIMATES),
    "ChooseBestFacilities": Entry(APPROXIMATES),
    "ConnectOriginsToDestinations": _needs(
        "streets",
        _STREETS,
        "Use FindNearest with measurementType StraightLine for distances and lines between points, "
        f"or {_HOSTED} for routes.",
    ),
    "CreateBuffers": Entry(LOCAL),
    "CreateDriveTimeAreas": _needs(
        "streets",
        _STREETS,
        f"Use CreateBuffers for areas within straight-line distances, or {_HOSTED} for drive times.",
    ),
    "CreateRouteLayers": _needs(
        "route data on a portal",
        "a route data item on a portal, and a portal to put the route layers on",
        f"Use {_HOSTED} that belongs to the portal.",
    ),
    "CreateThresholdAreas": _needs(
        "demographics",
        "demographic data around each point, and none comes along",
        "Use CreateBuffers with several distances and then SummarizeWithin or EnrichLayer with a layer of your own, "
        f"or {_HOSTED}.",
    ),
    "CreateViewshed": _needs(
        "elevation",
        _ELEVATION,
        f"Use CreateBuffers for areas within a distance, or {_HOSTED} for what is seen.",
    ),
    "CreateWatersheds": _needs(
        "elevation", _RIVERS, f"Use JoinFeatures with a layer of watersheds of your own, or {_HOSTED}."
    ),
    "DeriveNewLocations": Entry(LOCAL),
    "DissolveBoundaries": Entry(LOCAL),
    "EnrichLayer": Entry(APPROXIMATES),
    "ExtractData": Entry(APPROXIMATES),
    "FieldCalculator": Entry(LOCAL),
    "FindCentroids": Entry(LOCAL),
    "FindExistingLocations": Entry(LOCAL),
    "FindHotSpots": Entry(APPROXIMATES),
    "FindNearest": Entry(LOCAL),
    "FindOutliers": Entry(APPROXIMATES),
    "FindPointClusters": Entry(APPROXIMATES),
    "FindSimilarLocations": Entry(LOCAL),
    "GenerateTessellations": Entry(LOCAL),
    "InterpolatePoints": Entry(APPROXIMATES),
    "JoinFeatures": Entry(LOCAL),
    "MergeLayers": Entry(LOCAL),
    "OverlayLayers": Entry(LOCAL),
    "PlanRoutes": _needs(
        "streets",
        _STREETS,
        f"Use FindNearest with measurementType StraightLine to see which stops lie near which depot, or {_HOSTED} for routes.",
    ),
    "SummarizeCenterAndDispersion": Entry(LOCAL),
    "SummarizeNearby": Entry(LOCAL),
    "SummarizeWithin": Entry(LOCAL),
    "TraceDownstream": _needs(
        "elevation",
        _RIVERS,
        f"Use OverlayLayers or JoinFeatures with a layer of rivers of your own, or {_HOSTED}.",
    ),
}


def words(registered: Collection[str]) -> dict[str, str]:
    """Return the word of each task of the catalogue, by what a service has registered."""
    return {
        name: entry.word if name in registered or not entry.is_local else ABSENT
        for name, entry in CATALOGUE.items()
    }
