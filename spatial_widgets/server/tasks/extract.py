"""ExtractData: layers as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.clipping import of_dimension
from spatial_widgets.server.analysis.packing import Format, pack
from spatial_widgets.server.analysis.prepare import prepare, to_output
from spatial_widgets.server.analysis.together import in_one_system
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["extract_data"]


class _Outputs(TypedDict):
    contentID: Annotated[
        Path,
        Note("the file: a .zip, or a single .kml or .csv (ours; the hosted service makes a portal item)"),
    ]


@task("ExtractData", restartable=True)
def extract_data(
    ctx: Context,
    inputLayers: Annotated[list[gpd.GeoDataFrame], Note("the layers to extract")],
    extent: Annotated[
        gpd.GeoDataFrame | None, Note("polygons; features that touch them are extracted")
    ] = None,
    clip: Annotated[bool, Note("cut the features at the extent, instead of taking them whole")] = False,
    dataFormat: Annotated[Format, Note("the kind of file (the default is ours)")] = "FileGeodatabase",
) -> _Outputs:
    """Write layers, or what of them lies in an extent, into a file to download; Esri's service makes an item on a portal.

    The layers are called layer1, layer2 and so on, in their order. Each keeps its coordinate system, but KML, which
    is always in longitude and latitude. A file geodatabase keeps times to the second. CSV has the coordinates of points in the columns X and Y, and other shapes
    as well-known text in the column WKT. In shapefiles, names have ten characters and times become text; what was
    changed is among the messages. Without an extent features come as they are; with one, those without a geometry
    are left out, and invalid ones repaired.
    """
    if not inputLayers:
        raise ParameterError("inputLayers: give at least one layer.", parameter="inputLayers")
    if clip and extent is None:
        raise ParameterError("extent: clip needs polygons to cut at.", parameter="extent")
    area = None if extent is None else prepare(ctx, extent, "extent", kinds=("polygons",))
    chosen = {}
    for number, layer in enumerate(inputLayers):
        place = f"inputLayers[{number}]"
        if layer.crs is None:
            raise ParameterError(
                f"{place}: the layer has no coordinate system. Give it its spatialReference, such as {{'wkid': 4326}}.",
                parameter="inputLayers",
            )
        part = layer if area is None else _within(ctx, layer, area, place, clip=clip)
        ctx.info(f"{place}: {len(part):,} of {len(layer):,} features extracted as layer{number + 1}.")
        if len(part):
            chosen[f"layer{number + 1}"] = part
        ctx.progress(50 * (number + 1) / len(inputLayers))
    if not chosen:
        raise ParameterError(
            "extent: no feature lies there, so there is nothing to extract."
            if area is not None
            else "inputLayers: the layers have no features, so there is nothing to extract.",
            parameter="inputLayers" if area is None else "extent",
        )
    file = pack(ctx, chosen, dataFormat)
    ctx.info(f"{file.name}: {file.stat().st_size:,} bytes, {dataFormat}.")
    ctx.info("contentID is the file itself, where Esri's service makes an item on a portal.")
    ctx.progress(100)
    return {"contentID": file}


def _within(
    ctx: Context, layer: gpd.GeoDataFrame, area: gpd.GeoDataFrame, place: str, *, clip: bool
) -> gpd.GeoDataFrame:
    if len(layer) == 0:
        return layer
    ready = prepare(ctx, layer, place)
    here, there = in_one_system(ready, area)
    shapes = here.geometry.to_numpy()
    region = there.geometry.to_numpy()
    shapely.prepare(region)
    rows = np.unique(shapely.STRtree(shapes).query(region, predicate="intersects")[1])
    if not clip:
        return layer.iloc[ready.index[rows]]
    whole = shapely.union_all(region)
    shapely.prepare(whole)
    cut = shapes[rows]
    crossing = ~shapely.covers(whole, cut)
    cut[crossing] = of_dimension(
        shapely.intersection(cut[crossing], whole), shapely.get_dimensions(cut[crossing])
    )
    left = ~shapely.is_empty(cut)
    made = here.iloc[rows[left]].set_geometry(
        gpd.GeoSeries(cut[left], index=here.index[rows[left]], crs=here.crs)
    )
    return to_output(ctx, made, layer.crs) if len(made) else layer.iloc[:0]
