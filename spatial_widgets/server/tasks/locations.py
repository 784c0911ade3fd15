"""FindExistingLocations and DeriveNewLocations: features, or parts of them, that satisfy expressions."""

from __future__ import annotations

from typing import Annotated, TypedDict

import geopandas as gpd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.criteria import read_criteria
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.locations import Locations
from spatial_widgets.server.analysis.prepare import prepare, to_output
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["derive_new_locations", "find_existing_locations"]

_LAYERS = Note("the layer to find features of, and further layers that expressions speak of, numbered from 0")
_EXPRESSIONS = Note(
    'a JSON list: {"layer": 0, "where": "mag > 2"}, or {"operator": "and", "layer": 0, "spatialRel": "withinDistance", '
    '"selectingLayer": 1, "distance": 50, "units": "Miles"}; the operator is and or or, spatialRel one of intersects, '
    "withinDistance, within, contains, identical, or one of these with not before it; a list within the list is a "
    "group (our reading of a grammar that is documented by examples)"
)


class _Outputs(TypedDict):
    resultLayer: Annotated[gpd.GeoDataFrame, Note("what was found of the first layer, with its attributes")]


@task("FindExistingLocations", restartable=True)
def find_existing_locations(
    ctx: Context,
    inputLayers: Annotated[list[gpd.GeoDataFrame], _LAYERS],
    expressions: Annotated[str, _EXPRESSIONS],
) -> _Outputs:
    """Find the features of the first layer that satisfy expressions on attributes and on other layers.

    Expressions are answered one after the other, from the first to the last; each is joined with what was
    answered before about the same layer. A group is answered by itself and then joined by the operator of its first
    expression. An expression about another layer than the first chooses among that layer's features, and
    later expressions see those alone. A where clause is the same as the filter of a layer.

    Distances are geodesic for layers in degrees or in Web Mercator, and of different systems; planar where all
    layers have one projection. A feature is within a distance when its nearest place is; ``within`` and ``contains``
    mean wholly, borders may touch; ``identical`` features have the same shape, wherever it begins. Other
    relations are answered along sides that are straight in degrees.
    """
    return {"resultLayer": _found(ctx, "FindExistingLocations", inputLayers, expressions, cut=False)}


@task("DeriveNewLocations", restartable=True)
def derive_new_locations(
    ctx: Context,
    inputLayers: Annotated[list[gpd.GeoDataFrame], _LAYERS],
    expressions: Annotated[str, _EXPRESSIONS],
) -> _Outputs:
    """Derive the parts of features of the first layer that satisfy expressions on attributes and on other layers.

    The same as FindExistingLocations, but that lines and polygons are cut: ``intersects`` gives the parts inside the
    polygons of the other layer, ``withinDistance`` those within buffers (as of CreateBuffers) around its features,
    and with ``not`` those outside. Two expressions joined by and give what is in both, by or what is in either.
    Points, and features that meet points or lines of the other layer, are kept whole.
    """
    return {"resultLayer": _found(ctx, "DeriveNewLocations", inputLayers, expressions, cut=True)}


def _found(
    ctx: Context, name: str, layers: list[gpd.GeoDataFrame], expressions: str, *, cut: bool
) -> gpd.GeoDataFrame:
    require_libraries(name, "scipy.spatial")
    if not layers:
        raise ParameterError("inputLayers: at least one layer is needed.", parameter="inputLayers")
    criteria = read_criteria(expressions, len(layers))
    ready = [prepare(ctx, layer, f"inputLayers[{i}]") for i, layer in enumerate(layers)]
    ctx.progress(20, "Layers read")
    locations = Locations(ctx, ready, cut=cut)
    shapes = locations.answer(criteria)
    ctx.progress(90, "Expressions answered")
    some = ~shapely.is_empty(shapes)
    target = layers[0].crs
    if cut:
        parts = locations.layers[0][some]
        made = parts.set_geometry(gpd.GeoSeries(shapes[some], index=parts.index, crs=parts.crs))
        result = to_output(ctx, made.reset_index(drop=True), target)
    else:
        # Whole, as they came, with heights and all.
        result = layers[0].iloc[ready[0].index[some]].reset_index(drop=True)
    ctx.info(f"{len(result):,} of {len(ready[0]):,} features found{', whole or in part' if cut else ''}.")
    ctx.progress(100)
    return result
