"""Python values to JSON values, by Esri's data types: one table of encoders, one of what is refused.

What a task's description says beyond the data type (columns, alternatives, filters) is heeded by
:func:`.parameters_out.encode_parameter`.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.codec.json_out import json_value
from spatial_widgets.codec.layers_out import (
    encode_extent,
    encode_field,
    encode_file,
    encode_layer,
    encode_reference,
    encode_table,
)
from spatial_widgets.codec.scalars_out import (
    encode_boolean,
    encode_date,
    encode_double,
    encode_hidden,
    encode_long,
    encode_text,
    quantity_encoder,
)
from spatial_widgets.codec.valuetable_out import encode_rows
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENCODERS", "REFUSED"]

_ON_SERVER = "it is a path on the server's own disk; pass the layers, tables or files themselves"
_NO_JSON = "it has no form in JSON; pass the URL of a service, or a file, to a task that takes one"

#: Data types that are not translated, with the reason a user is told.
REFUSED: Mapping[str, str] = {
    "GPWorkspace": _ON_SERVER,
    "DEWorkspace": _ON_SERVER,
    "DEFolder": _ON_SERVER,
    "GPNetworkDatasetLayer": "a network lies in a geodatabase of the server; leave it to the service's own default",
    "GPTinLayer": _NO_JSON,
    "GPTerrainLayer": _NO_JSON,
    "GPLasDatasetLayer": _NO_JSON,
}

#: Every data type of the GP data types page, and how a Python value becomes its JSON value.
ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "GPString": json_value,
    "GPStringHidden": encode_hidden,
    "GPSQLExpression": encode_text,
    "GPBoolean": encode_boolean,
    "GPLong": encode_long,
    "GPDouble": encode_double,
    "GPDate": encode_date,
    "GPLinearUnit": quantity_encoder(
        LinearUnit, "distance", "a LinearUnit, (5, 'kilometers') or '5 kilometers'"
    ),
    "GPArealUnit": quantity_encoder(ArealUnit, "area", "an ArealUnit, (3, 'hectares') or '3 hectares'"),
    "GPTimeUnit": quantity_encoder(TimeUnit, "time", "a TimeUnit, (2, 'hours') or '2 hours'"),
    "GPFeatureRecordSetLayer": encode_layer,
    "GPRecordSet": encode_table,
    "GPRasterData": encode_file,
    "GPRasterDataLayer": encode_file,
    "GPDataFile": encode_file,
    "Field": encode_field,
    "GPValueTable": encode_rows,
    "GPComposite": json_value,
    "GPSpatialReference": encode_reference,
    "GPCoordinateSystem": encode_reference,
    "GPExtent": encode_extent,
    "GPEnvelope": encode_extent,
}
