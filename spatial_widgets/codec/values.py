"""Parameter values: one table from Esri's data types to encoders and decoders.

Encoding goes by the declared type. Decoding goes by the shape of the value: the Spatial Analysis
service declares its layers as GPString. What is not supported is in :data:`REFUSED`, with the reason.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.codec.features import (
    decode_features,
    encode_feature_collection,
    encode_features,
    encode_records,
    is_features,
)
from spatial_widgets.codec.spatialref import encode_spatial_reference
from spatial_widgets.codec.table import to_epoch_ms
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

__all__ = ["ENCODERS", "REFUSED", "FileReference", "decode_value", "encode_value", "form_text"]

_MULTI = "GPMultiValue:"
_REFERENCE_KEYS = {"url", "format", "type", "itemid", "name", "size", "token", "servicetoken"}
_LONG = range(
    -(2**52) + 1, 2**52
)  # from 11.2 on; https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/

#: Data types that are not translated, with the reason a user is told.
REFUSED: Mapping[str, str] = {
    "GPWorkspace": "a workspace is a path on the server's own disk; pass the layers or tables themselves",
}


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file, raster or layer that a result points to; nothing of it has been fetched. ``url`` may be relative.

    ``token`` is the result's own, for a secured layer on another host; "" without one.
    """

    url: str
    format: str = ""
    token: str = field(default="", repr=False)


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
            raise CodecError(f"expected a list of {member} values, got {_show(value)}")
        return [encode_value(member, item) for item in value]
    encoder = ENCODERS.get(data_type)
    # A data type newer than this table: whatever is JSON already may be right.
    return encoder(value) if encoder else _as_json(value)


def form_text(value: Any) -> str:
    """Return the text of a form field for an encoded value: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False, separators=(",", ":"))


def decode_value(
    data_type: str, value: Any, *, path: str = "value", url: str = "", allow_truncated: bool = False
) -> Any:
    """Return the Python value of a result or of an input read on the server.

    Layers give a GeoDataFrame, tables and value tables a DataFrame, units their quantity, dates a
    UTC ``Timestamp``, files a :class:`FileReference`, multi-values a list. ``""`` and ``{}``, which stand for an
    output that was not produced, give None.

    Raises
    ------
    CodecError : with the place of what cannot be read.
    TransferLimitExceeded : the rows are not in the answer.
    """
    if value is None or value in ("", {}):
        return None
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["} and data_type != "GPSQLExpression":
        # Quoted JSON: GPString outputs of some services, and every input of the hosted analysis tasks.
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if is_features(value):
        return decode_features(value, path=path, url=url, allow_truncated=allow_truncated)
    if isinstance(value, dict):
        return _decode_object(value)
    if data_type.startswith(_MULTI):
        return _decode_list(data_type.removeprefix(_MULTI), value, path)
    if data_type == "GPValueTable" and isinstance(value, list):
        return pd.DataFrame(value)
    try:
        return _SCALARS[data_type](value) if data_type in _SCALARS else value
    except (TypeError, ValueError) as error:
        raise CodecError(f"{_show(value)} is no {data_type}: {error}", path=path) from error


def _decode_list(member: str, value: Any, path: str) -> list[Any]:
    if isinstance(value, str):  # several services take "a;b" or "1 2" for a list
        value = value.replace(";", " ").replace(",", " ").split() if member in _SCALARS else value.split(";")
    items = value if isinstance(value, list) else [value]
    return [decode_value(member, item, path=f"{path}[{i}]") for i, item in enumerate(items)]


def _decode_object(value: dict[str, Any]) -> Any:
    folded = {str(key).casefold() for key in value}
    for quantity, number in ((LinearUnit, "distance"), (ArealUnit, "area"), (TimeUnit, "time")):
        if number in folded and folded <= {number, "units"}:
            return quantity.from_json(value)
    if isinstance(value.get("url"), str) and folded <= _REFERENCE_KEYS:
        token = value.get("token") or value.get("serviceToken") or ""
        return FileReference(value["url"], str(value.get("format") or value.get("type") or ""), str(token))
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().casefold()
        if word not in {"true", "false", "1", "0"}:
            raise ValueError("expected true or false")
        return word in {"true", "1"}
    return bool(value)


def _whole(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError("expected a whole number")
    return number


def _date(value: Any) -> pd.Timestamp:
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    stamp = pd.Timestamp(np.datetime64(to_epoch_ms(value), "ms"))
    return stamp.tz_localize("UTC")


def _number(value: Any) -> float:
    return float(value)


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "GPBoolean": _boolean,
    "GPLong": _whole,
    "GPDouble": _number,
    "GPDate": _date,
    "GPLinearUnit": LinearUnit.from_json,
    "GPArealUnit": ArealUnit.from_json,
    "GPTimeUnit": TimeUnit.from_json,
}


# ---------------------------------------------------------------- to the wire


def _show(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CodecError(f"expected JSON, got {_show(text)}: {error}") from error


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
        raise CodecError(f"expected text or a JSON value, got {_show(value)}: {error}") from error
    return value


def _encode_boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value.strip().casefold() in {"true", "false"}:
        return value.strip().casefold() == "true"
    raise CodecError(f"expected True or False, got {_show(value)}")


def _encode_long(value: Any) -> int:
    if isinstance(value, str):
        value = _parse(value) if value.strip() else value
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole and not (
        isinstance(value, (float, np.floating)) and math.isfinite(value) and value == int(value)
    ):
        raise CodecError(f"expected a whole number, got {_show(value)}")
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
        raise CodecError(f"expected a finite number, got {_show(value)}")
    return value.item() if isinstance(value, np.number) else value


def _encode_date(value: Any) -> int:
    try:
        return to_epoch_ms(value)
    except (TypeError, ValueError) as error:
        raise CodecError(
            f"expected a date (datetime, Timestamp, ISO text, or epoch ms), got {_show(value)}"
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
            raise CodecError(f"expected {example}, got {_show(value)}") from error
        if not isinstance(value, quantity):
            raise CodecError(f"expected {example}, got {_show(value)}")
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
    if isinstance(value, FileReference):
        return {"url": value.url}
    if isinstance(value, dict):
        return _as_json(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("http://", "https://")):
            return {"url": text}
        if text.startswith("{"):
            return _parse(text)
    raise CodecError(f"expected {expected}, got {_show(value)}")


def _encode_file(value: Any) -> Any:
    return _reference_or_json(value, "a URL, or {'itemID': …} of an uploaded file")


def _encode_value_table(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return json.loads(value.to_json(orient="values", date_unit="ms"))
    if isinstance(value, str):
        value = _parse(value)
    if not isinstance(value, (list, tuple)):
        raise CodecError(f"expected a DataFrame or a list of rows, got {_show(value)}")
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
        raise CodecError(f"expected text, got {_show(value)}")
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
