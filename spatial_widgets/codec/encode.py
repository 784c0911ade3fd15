"""Python values to JSON values, by Esri's data types: one table of encoders, one of what is refused.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.codec.features_out import encode_feature_collection, encode_features, encode_records
from spatial_widgets.codec.fieldvalues import to_epoch_ms
from spatial_widgets.codec.spatialref import encode_spatial_reference
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

__all__ = ["ENCODERS", "REFUSED", "encode_value", "form_text", "show"]

_MULTI = "GPMultiValue:"
_LONG = range(
    -(2**52) + 1, 2**52
)  # from 11.2 on; https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/

#: Data types that are not translated, with the reason a user is told.
REFUSED: Mapping[str, str] = {
    "GPWorkspace": "a workspace is a path on the server's own disk; pass the layers or tables themselves",
}


def encode_value(data_type: str, value: Any) -> Any:
    """Return the JSON value for a parameter of a data type; None stays None (not sent).

    Raises
    ------
    CodecError : the value cannot be of that type; the message says what is expected.
    """
    if value is None:
        return None
    if data_type in REFUSED:
        raise CodecError(f"{data_type} is not supported: {REFUSED[data_type]}")
    if data_type.startswith(_MULTI):
        member = data_type.removeprefix(_MULTI)
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = _parse(value)
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise CodecError(f"expected a list of {member} values, got {show(value)}")
        return [encode_value(member, item) for item in value]
    encoder = ENCODERS.get(data_type)
    # A data type newer than this table: whatever is JSON already may be right.
    return encoder(value) if encoder else _as_json(value)


def form_text(value: Any) -> str:
    """Return the text of a form field for an encoded value: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False, separators=(",", ":"))


def _is_reference(value: Any) -> bool:
    """Whether a value points to a file or a layer, as a result does."""
    return all(isinstance(getattr(value, name, None), str) for name in ("url", "format"))


def show(value: Any) -> str:
    """Return a value as an error message shows it: its type, and its text, cut short."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CodecError(f"expected JSON, got {show(text)}: {error}") from error


def _as_json(value: Any) -> Any:
    """Return a JSON value for what a GPString, or an unknown type, is given."""
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        return encode_feature_collection(value)
    if isinstance(value, pd.DataFrame):
        return encode_records(value)
    if isinstance(value, (LinearUnit, ArealUnit, TimeUnit)):
        return value.to_json()
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        value = value.item()
    if isinstance(value, tuple):
        value = list(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CodecError(f"expected text or a JSON value, got {show(value)}: {error}") from error
    return value


def _encode_boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value.strip().casefold() in {"true", "false"}:
        return value.strip().casefold() == "true"
    raise CodecError(f"expected True or False, got {show(value)}")


def _encode_long(value: Any) -> int:
    if isinstance(value, str):
        value = _parse(value) if value.strip() else value
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole and not (
        isinstance(value, (float, np.floating)) and math.isfinite(value) and value == int(value)
    ):
        raise CodecError(f"expected a whole number, got {show(value)}")
    if int(value) not in _LONG:
        raise CodecError(f"expected a whole number within ±{_LONG.stop - 1}, got {value}")
    return int(value)


def _encode_double(value: Any) -> float:
    if isinstance(value, str):
        value = _parse(value) if value.strip() else value
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, (int, float, np.number))
        or not math.isfinite(value)
    ):
        raise CodecError(f"expected a finite number, got {show(value)}")
    return value.item() if isinstance(value, np.number) else value


def _encode_date(value: Any) -> int:
    try:
        return to_epoch_ms(value)
    except (TypeError, ValueError) as error:
        raise CodecError(
            f"expected a date (datetime, Timestamp, ISO text, or epoch ms), got {show(value)}"
        ) from error


def _quantity_encoder(
    quantity: type[LinearUnit | ArealUnit | TimeUnit], example: str
) -> Callable[[Any], Any]:
    def encode(value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                value = quantity(*value)
            if isinstance(value, (dict, str)):
                value = quantity.from_json(value)
        except (TypeError, CodecError) as error:
            raise CodecError(f"expected {example}, got {show(value)}") from error
        if not isinstance(value, quantity):
            raise CodecError(f"expected {example}, got {show(value)}")
        return value.to_json()

    return encode


def _encode_layer(value: Any) -> Any:
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        return encode_features(value)
    if isinstance(value, pd.DataFrame):
        raise CodecError(
            "expected a GeoDataFrame, got a DataFrame without geometry; see geopandas.points_from_xy"
        )
    if isinstance(value, shapely.Geometry):
        raise CodecError(
            "expected a GeoDataFrame; a bare geometry has no CRS, wrap it: gpd.GeoSeries([geometry], crs=4326)"
        )
    return _reference_or_json(value, "a GeoDataFrame, a layer's URL, or a feature set as a dict")


def _encode_table(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        frame = value.drop(columns=value.geometry.name) if isinstance(value, gpd.GeoDataFrame) else value
        return encode_records(pd.DataFrame(frame))
    return _reference_or_json(value, "a DataFrame, a table's URL, or a record set as a dict")


def _reference_or_json(value: Any, expected: str) -> Any:
    if _is_reference(value):
        return {"url": value.url}
    if isinstance(value, dict):
        return _as_json(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("http://", "https://")):
            return {"url": text}
        if text.startswith("{"):
            return _parse(text)
    raise CodecError(f"expected {expected}, got {show(value)}")


def _encode_file(value: Any) -> Any:
    return _reference_or_json(value, "a URL, or {'itemID': …} of an uploaded file")


def _encode_value_table(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return json.loads(value.to_json(orient="values", date_unit="ms"))
    if isinstance(value, str):
        value = _parse(value)
    if not isinstance(value, (list, tuple)):
        raise CodecError(f"expected a DataFrame or a list of rows, got {show(value)}")
    return _as_json(list(value))


def _encode_reference(value: Any) -> Any:
    return value if isinstance(value, dict) else encode_spatial_reference(value)


def _encode_extent(value: Any) -> Any:
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        reference = encode_spatial_reference(value.crs)
        value = dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, value.total_bounds), strict=True))
        return value | ({"spatialReference": reference} if reference else {})
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4:
        return dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, value), strict=True))
    return _reference_or_json(value, "a GeoDataFrame, or (xmin, ymin, xmax, ymax)")


def _encode_text(value: Any) -> str:
    if not isinstance(value, str):
        raise CodecError(f"expected text, got {show(value)}")
    return value


def _encode_composite(value: Any) -> Any:
    return value if isinstance(value, dict) else _as_json(value)


#: Every data type of the GP data types page, and how a Python value becomes its JSON value.
ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "GPString": _as_json,
    "GPStringHidden": _encode_text,
    "GPSQLExpression": _encode_text,
    "GPBoolean": _encode_boolean,
    "GPLong": _encode_long,
    "GPDouble": _encode_double,
    "GPDate": _encode_date,
    "GPLinearUnit": _quantity_encoder(LinearUnit, "a LinearUnit, (5, 'kilometers') or '5 kilometers'"),
    "GPArealUnit": _quantity_encoder(ArealUnit, "an ArealUnit, (3, 'hectares') or '3 hectares'"),
    "GPTimeUnit": _quantity_encoder(TimeUnit, "a TimeUnit, (2, 'hours') or '2 hours'"),
    "GPFeatureRecordSetLayer": _encode_layer,
    "GPRecordSet": _encode_table,
    "GPRasterData": _encode_file,
    "GPRasterDataLayer": _encode_file,
    "GPDataFile": _encode_file,
    "Field": lambda value: {"name": value} if isinstance(value, str) else _as_json(value),
    "GPValueTable": _encode_value_table,
    "GPComposite": _encode_composite,
    "GPSpatialReference": _encode_reference,
    "GPCoordinateSystem": _encode_reference,
    "GPExtent": _encode_extent,
    "GPEnvelope": _encode_extent,
}
