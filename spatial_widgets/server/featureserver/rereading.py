"""A layer that one job wrote, read by another: as the text that it would have been without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from spatial_widgets.codec.features_out import FeatureSet
from spatial_widgets.codec.geometry_out import Shapes
from spatial_widgets.errors import CodecError
from spatial_widgets.server.featureserver.columns import to_columns
from spatial_widgets.server.featureserver.layerfile import LayerFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["layer_text"]


def layer_text(path: Path, *, most: int) -> bytes:
    """Return the feature set of a layer's file as JSON text, without the object IDs that the layer added.

    Raises
    ------
    CodecError : it has over ``most`` rows.
    """
    layer = LayerFile.open(path, path.name)
    if len(layer) > most:
        raise CodecError(
            f"the layer has {len(layer):,} features, and at most {most:,} are read; send a part of it"
        )
    fields = layer.described["fields"]
    names = [field["name"] for field in fields]
    shapes = layer.described.get("geometry")
    wanted = [layer.id_field, *names, *([shapes] if shapes else [])]
    table = pa.concat_tables(
        [layer.rows(np.empty(0, np.int64), wanted), *(t for _, t in layer.batches(wanted))]
    )
    made = None
    if shapes:
        made = Shapes(np.asarray(shapely.from_wkb(table.column(shapes).to_pylist()), dtype=object))
        made.found = layer.described["geometryType"]
        made.has_z, made.has_m = layer.described["hasZ"], layer.described["hasM"]
    page = FeatureSet(
        table.num_rows, to_columns(table, fields), made, layer.described.get("spatialReference")
    )
    return b"".join(page.pieces())
