"""JoinFeatures: the attributes of one layer, brought to the features of another."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.lengths import in_words, to_meters
from spatial_widgets.server.analysis.matching import Matches, Top, equal_rows, read_pairs_of_fields
from spatial_widgets.server.analysis.prepare import free_name, prepare
from spatial_widgets.server.analysis.relations import pairs_within, related
from spatial_widgets.server.analysis.statistics import parse_statistics, summarize
from spatial_widgets.server.analysis.together import in_one_system
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["join_features"]

Array = np.ndarray[Any, Any]
_Relation = Literal[
    "IdenticalTo",
    "Intersects",
    "CompletelyContains",
    "CompletelyWithin",
    "WithinDistance",
    "Contains",
    "Within",
]


class _Outputs(TypedDict):
    outputLayer: Annotated[
        gpd.GeoDataFrame | pd.DataFrame, Note("the features or rows of targetLayer, with what was joined")
    ]


@task("JoinFeatures", restartable=True)
def join_features(
    ctx: Context,
    targetLayer: Annotated[gpd.GeoDataFrame | pd.DataFrame, Note("a layer or table to join to")],
    joinLayer: Annotated[gpd.GeoDataFrame | pd.DataFrame, Note("the layer or table to be joined")],
    spatialRelationship: Annotated[
        _Relation | None,
        Note("how a target stands to what is joined to it: it Contains it, lies Within it, and so on"),
    ] = None,
    spatialRelationshipDistance: Annotated[float | None, Note("the distance of WithinDistance")] = None,
    spatialRelationshipDistanceUnits: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Miles", "Yards", "NauticalMiles"],
        Note("unit of spatialRelationshipDistance (the default is ours)"),
    ] = "Meters",
    attributeRelationship: Annotated[
        list[dict] | None,  # type: ignore[type-arg]
        Note(
            'fields that must be equal: [{"targetField": …, "joinField": …, "operator": "equal"}] (this form is ours)'
        ),
    ] = None,
    joinOperation: Annotated[
        Literal["JoinOneToOne", "JoinOneToMany"],
        Note(
            "one row for each target with a count and statistics, or one row for each match (the default is ours)"
        ),
    ] = "JoinOneToOne",
    summaryFields: Annotated[
        list[str] | None, Note('of JoinOneToOne: "field Statistic" texts; Sum, Mean, Min, Max or Stddev')
    ] = None,
    joinType: Annotated[
        Literal["Inner", "Left"], Note("Left also keeps targets without a match (name and words are ours)")
    ] = "Inner",
    recordsToMatch: Annotated[
        dict | None,  # type: ignore[type-arg]
        Note(
            'take only some of the matches of a target: {"orderByFields": "field DESC", "topCount": 1} (this form is ours)'
        ),
    ] = None,
) -> _Outputs:
    """Join features by where they are, by their attributes, or by both.

    Contains and Within allow common borders, the relations that begin with Completely do not. Distances are geodesic,
    those between points exact and others to 0.1 %; layers of one and the same projection are compared in it. Null
    equals nothing.

    JoinOneToOne gives ``Join_Count`` and columns such as ``mean_mag`` over all matches; with a topCount of 1 it gives
    the fields of that one match instead. JoinOneToMany gives the fields of each match. Fields whose names are taken
    get ``_1`` (these names are ours). Targets come with their geometry as it is.
    """
    relations = read_pairs_of_fields(attributeRelationship, targetLayer, joinLayer)
    if spatialRelationship is None and not relations:
        raise ParameterError(
            "spatialRelationship: give a spatialRelationship, an attributeRelationship, or both.",
            parameter="spatialRelationship",
        )
    wanted = parse_statistics(summaryFields, joinLayer)
    if wanted and joinOperation == "JoinOneToMany":
        raise ParameterError(
            "summaryFields: statistics belong to JoinOneToOne; JoinOneToMany gives each match.",
            parameter="summaryFields",
        )
    top = Top.read(recordsToMatch, joinLayer)
    target, joined = targetLayer.reset_index(drop=True), joinLayer.reset_index(drop=True)
    if spatialRelationship is None:
        matches = equal_rows(target, joined, relations, most=ctx.limits.maximum_records)
    else:
        distance = _distance(
            ctx, spatialRelationship, spatialRelationshipDistance, spatialRelationshipDistanceUnits
        )
        matches = _by_place(ctx, target, joined, spatialRelationship, distance)
        matches = matches.where_equal(target, joined, relations)
    matches = top.of(matches, joined)
    ctx.progress(60, "Matches found")
    ctx.info(
        f"{len(np.unique(matches.target)):,} of {len(target):,} targets have a match, {len(matches.target):,} in all; "
        f"{len(np.unique(matches.joined)):,} of {len(joined):,} rows of joinLayer were used."
    )
    attributes = pd.DataFrame(joined.drop(columns=_geometry_of(joined)))
    if joinOperation == "JoinOneToMany" or top.count == 1:
        result = _each(target, attributes, matches, left=joinType == "Left")
    else:
        rows = attributes.iloc[matches.joined].reset_index(drop=True)
        number = free_name("target", rows.columns)
        table = summarize(rows.assign(**{number: matches.target}), [number], wanted, count="Join_Count")
        table = table.reindex(target.index)
        table["Join_Count"] = table["Join_Count"].fillna(0)
        names = {c: free_name(str(c), target.columns) for c in table.columns}
        result = target.assign(**table.rename(columns=names))
        if joinType == "Inner":
            result = result[table["Join_Count"] > 0]
    ctx.progress(100)
    return {"outputLayer": _geometry_last(result.reset_index(drop=True))}


def _distance(ctx: Context, relation: str, distance: float | None, units: str) -> float:
    if relation != "WithinDistance":
        if distance is not None:
            ctx.warn("spatialRelationshipDistance: not used, because it belongs to WithinDistance.")
        return 0.0
    if distance is None:
        raise ParameterError(
            "spatialRelationshipDistance: WithinDistance needs a distance.",
            parameter="spatialRelationshipDistance",
        )
    meters = to_meters(distance, units, parameter="spatialRelationshipDistance")
    ctx.info(f"Matches are at most {in_words(meters)} away.")
    return meters


def _by_place(
    ctx: Context, target: pd.DataFrame, joined: pd.DataFrame, relation: _Relation, meters: float
) -> Matches:
    ready = (prepare(ctx, target, "targetLayer"), prepare(ctx, joined, "joinLayer"))
    ctx.progress(20, "Layers read")
    here, there = in_one_system(*ready)
    if relation == "WithinDistance":
        one, two = pairs_within(here, there, meters)
    else:
        one, two = related(here.geometry.to_numpy(), there.geometry.to_numpy(), relation)
    numbers = [frame.index.to_numpy(dtype="int64") for frame in ready]
    return Matches(numbers[0][one], numbers[1][two])


def _each(target: pd.DataFrame, attributes: pd.DataFrame, matches: Matches, *, left: bool) -> pd.DataFrame:
    """Return a row for each match, and for targets without one when ``left``, in the order of the targets."""
    names = {c: free_name(str(c), target.columns) for c in attributes.columns}
    one, two = matches.target, matches.joined
    if left:
        lonely = np.setdiff1d(np.arange(len(target)), one)
        one, two = np.r_[one, lonely], np.r_[two, np.full(len(lonely), -1)]
        order = np.argsort(one, kind="stable")
        one, two = one[order], two[order]
    rows = attributes.rename(columns=names)
    chosen = (
        rows.reindex(two).reset_index(drop=True) if (two < 0).any() else rows.iloc[two].reset_index(drop=True)
    )
    return target.iloc[one].reset_index(drop=True).assign(**chosen)


def _geometry_of(frame: pd.DataFrame) -> list[str]:
    return [str(frame.geometry.name)] if isinstance(frame, gpd.GeoDataFrame) else []


def _geometry_last(frame: pd.DataFrame) -> Any:
    last = _geometry_of(frame)
    return frame[[*(c for c in frame.columns if c not in last), *last]]
