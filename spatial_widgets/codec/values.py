"""Parameter values: one table from Esri's data types to encoders and decoders.

Encoding goes by the declared type. Decoding goes by the shape of the value: the Spatial Analysis
service declares its layers as GPString. What is not supported is in :data:`REFUSED`, with the reason.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.codec.encode import ENCODERS, REFUSED
from spatial_widgets.codec.features import decode_features, is_features
from spatial_widgets.codec.fieldvalues import to_epoch_ms
from spatial_widgets.codec.jsontext import form_text
from spatial_widgets.codec.parameters_out import encode_value
from spatial_widgets.codec.shown import show
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENCODERS", "REFUSED", "FileReference", "decode_value", "encode_value", "form_text"]

_MULTI = "GPMultiValue:"
_REFERENCE_KEYS = {"url", "format", "type", "itemid", "name", "size", "token", "servicetoken"}


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file, raster or layer that a result points to; nothing of it has been fetched. ``url`` may be relative.

    ``token`` is the result's own, for a secured layer on another host; "" without one.
    """

    url: str
    format: str = ""
    token: str = field(default="", repr=False)


def decode_value(data_type: str, value: Any, *, path: str = "value", url: str = "", **options: Any) -> Any:
    """Return the Python value of a result or of an input read on the server.

    Layers give a GeoDataFrame, tables and value tables a DataFrame, units their quantity, dates a
    UTC ``Timestamp``, files a :class:`FileReference`, multi-values a list. ``""`` and ``{}``, which stand for an
    output that was not produced, give None. ``options`` are those of :func:`decode_features`.

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
        except RecursionError as error:
            raise CodecError("the JSON is nested too deeply", path=path) from error
    if is_features(value):
        return decode_features(value, path=path, url=url, **options)
    if isinstance(value, dict) and value.get("type") == "FeatureCollection":
        return _decode_geojson(value, path)
    if isinstance(value, dict):
        return _decode_object(value, path)
    if data_type.startswith(_MULTI):
        return _decode_list(data_type.removeprefix(_MULTI), value, path, url, options)
    if data_type == "GPValueTable" and isinstance(value, list):
        return _decode_value_table(value, path)
    try:
        return _SCALARS[data_type](value) if data_type in _SCALARS else value
    except (TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"{show(value)} is no {data_type}: {error}", path=path) from error


def _decode_list(member: str, value: Any, path: str, url: str, options: dict[str, Any]) -> list[Any]:
    if isinstance(value, str):  # several services take "a;b" or "1 2" for a list
        value = value.replace(";", " ").replace(",", " ").split() if member in _SCALARS else value.split(";")
    items = value if isinstance(value, list) else [value]
    return [
        decode_value(member, item, path=f"{path}[{i}]", url=url, **options) for i, item in enumerate(items)
    ]


def _decode_value_table(rows: list[Any], path: str) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame()
    if all(isinstance(row, dict) for row in rows):
        return pd.DataFrame(rows)
    if all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        return pd.DataFrame(rows)
    raise CodecError("the rows of a value table are lists of one length, or objects", path=path)


def _decode_geojson(value: dict[str, Any], path: str) -> gpd.GeoDataFrame:
    try:
        return gpd.GeoDataFrame.from_features(
            value, crs=4326
        )  # https://www.rfc-editor.org/rfc/rfc7946#section-4
    except (TypeError, ValueError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise CodecError(f"this is no GeoJSON: {error}", path=path) from error


def _decode_object(value: dict[str, Any], path: str) -> Any:
    folded = {str(key).casefold() for key in value}
    for quantity, number in ((LinearUnit, "distance"), (ArealUnit, "area"), (TimeUnit, "time")):
        if number in folded and folded <= {number, "units"}:
            try:
                return quantity.from_json(value)
            except (TypeError, ValueError) as error:
                raise CodecError(str(error), path=path) from error
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
