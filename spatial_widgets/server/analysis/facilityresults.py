"""What ChooseBestFacilities answers with: the demand, the facilities, and the lines between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.server.analysis.connecting import geodesics, straight_lines
from spatial_widgets.server.analysis.lengths import METERS_IN
from spatial_widgets.server.analysis.prepare import free_name

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.between import Between
    from spatial_widgets.server.analysis.facilitygoals import Facilities
    from spatial_widgets.server.registry import Context

__all__ = ["Served"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """Which demand is served by which facility; ``served`` holds positions in ``chosen``, -1 for none."""

    places: gpd.GeoDataFrame
    facilities: Facilities
    sites: Between
    chosen: Array
    served: Array
    weights: Array
    far: Array
    units: str

    @property
    def _rows(self) -> Array:
        return np.flatnonzero(self.served >= 0)

    @property
    def _lengths(self) -> Array:
        """The distance of each served demand, in the unit asked for."""
        rows = self._rows
        meters: Array = self.far[rows, self.chosen[self.served[rows]]]
        return meters / METERS_IN[self.units]

    def tell(self, ctx: Context) -> None:
        """Say how much is served, and how far it is."""
        total, given = float(self.weights.sum()), float(self.weights[self._rows].sum())
        share = 100 * given / total if total else 0.0
        mean = float((self.weights[self._rows] * self._lengths).sum() / given) if given else 0.0
        ctx.info(
            f"{given:,.6g} of {total:,.6g} demand ({share:.4g} %) is served by {len(self.chosen):,} facilities, "
            f"at a mean distance of {mean:,.4g} {self.units}."
        )
        if len(self._rows) < len(self.served):
            ctx.warn(f"{len(self.served) - len(self._rows):,} points are served by none.")

    def demand(self) -> gpd.GeoDataFrame:
        """Return the demand with its facility."""
        rows, table = self._rows, self.places.reset_index(drop=True)
        lengths = np.full(len(table), np.nan)
        lengths[rows] = self._lengths
        facility = pd.Series(self.served, dtype="Int64").where(self.served >= 0)
        columns = {
            "Demand": self.weights,
            "AllocatedDemand": np.where(self.served >= 0, self.weights, 0.0),
            "FacilityID": facility,
            f"Total_{self.units}": lengths,
        }
        made = table.assign(**{free_name(name, table.columns): values for name, values in columns.items()})
        return made[[*(c for c in made.columns if c != "geometry"), "geometry"]]

    def lines(self, *, backwards: bool) -> gpd.GeoDataFrame:
        """Return a line for each demand that is served."""
        rows = self._rows
        table = pd.DataFrame(
            {
                "FacilityID": self.served[rows].astype("int64"),
                "DemandID": self.places.index.to_numpy(dtype="int64")[rows],
                "AllocatedDemand": self.weights[rows],
                f"Total_{self.units}": self._lengths,
            }
        )
        ends = self.sites.here[rows], self.sites.there[self.chosen[self.served[rows]]]
        begins, stops = ends if backwards else ends[::-1]
        if self.sites.geodesic:
            return gpd.GeoDataFrame(table, geometry=geodesics(begins, stops), crs=4326)
        return gpd.GeoDataFrame(table, geometry=straight_lines(begins, stops), crs=self.places.crs)

    def assigned(self) -> gpd.GeoDataFrame:
        """Return the facilities with what they serve."""
        rows, number = self._rows, len(self.chosen)
        table = self.facilities.frame.iloc[self.chosen].reset_index(drop=True)
        weighted = np.bincount(self.served[rows], self.weights[rows] * self._lengths, minlength=number)
        columns = {
            "DemandCount": np.bincount(self.served[rows], minlength=number).astype("int64"),
            "AllocatedDemand": np.bincount(self.served[rows], self.weights[rows], minlength=number),
            f"TotalWeighted_{self.units}": weighted,
        }
        table.insert(0, "FacilityID", np.arange(number, dtype="int64"))
        made = table.assign(**{free_name(name, table.columns): values for name, values in columns.items()})
        return made[[*(c for c in made.columns if c != "geometry"), "geometry"]]
