"""Any value as JSON: what a GPString, or a data type newer than our table, is given."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from spatial_widgets.codec.features_out import feature_collection, record_set
from spatial_widgets.codec.layers_out import is_path, is_pointer, pointer
from spatial_widgets.codec.scalars_out import encode_double, is_date, is_missing
from spatial_widgets.codec.shown import show
from spatial_widgets.codec.sources import local_path, read_layer
from spatial_widgets.codec.spatialref import encode_spatial_reference
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

__all__ = ["json_value"]


def json_value(value: Any) -> Any:
    """Return a JSON value. Layers become feature collections, tables record sets, at any depth.

    Raises
    ------
    CodecError : something in it has no JSON form.
    """
    if isinstance(value, (dict, list)):
        # Most are plain JSON already, and some are large: the C encoder tells fastest.
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            pass
        else:
            return value
    try:
        return _converted(value)
    except RecursionError as error:
        raise CodecError(
            "expected a JSON value, got one that is nested too deeply, or holds itself"
        ) from error


def _converted(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, dict):
        return {_key(key): _converted(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray) or (
        isinstance(value, pd.Series) and not isinstance(value, gpd.GeoSeries)
    ):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_converted(inner) for inner in value]
    known = _converted_spatial(value)
    if known is not None:
        return known
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating, decimal.Decimal)) and not is_missing(value):
        return encode_double(value)
    raise CodecError(f"expected text or a JSON value, got {show(value)}{_next_step(value)}")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return str(int(key))
    raise CodecError(f"expected text or a JSON value; its keys must be text, got {show(key)}")


def _converted_spatial(value: Any) -> Any:
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries, shapely.Geometry)):
        return feature_collection(value)
    if isinstance(value, pd.DataFrame):
        return record_set(value)
    if isinstance(value, (LinearUnit, ArealUnit, TimeUnit)):
        from spatial_widgets.codec.encode import ENCODERS

        return ENCODERS[f"GP{type(value).__name__}"](value)
    if isinstance(value, pyproj.CRS):
        return encode_spatial_reference(value)
    if is_pointer(value):
        return pointer(value)
    if is_path(value):
        path = local_path(value)
        return None if path is None else feature_collection(read_layer(path))
    return None


def _next_step(value: Any) -> str:
    if is_missing(value):
        return "; leave the parameter out, or pass None, for a missing value"
    if is_date(value):
        return "; say which form the service wants: value.isoformat(), or its milliseconds since 1970"
    if isinstance(value, (dt.timedelta, np.timedelta64)):
        return "; pass its seconds, or a sw.LinearUnit or the like where the service wants a quantity"
    if isinstance(value, (bytes, bytearray)):
        return "; decode it to text"
    return ""
