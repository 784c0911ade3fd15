"""Settings of a submission beside the task's own parameters: their names, and how their values are written.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec import encode_extent, encode_reference, encode_value, json_value
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENVIRONMENT", "encode_setting"]

_CONTEXT = {"extent", "outSR", "processSR"}


def encode_setting(name: str, value: Any) -> Any:
    """Return the JSON value of a setting; a text goes as it is.

    Raises
    ------
    CodecError : the value is none that the setting takes.
    """
    return _SETTINGS[name](value)


def _encode_context(value: Any) -> Any:
    """Return a context: a layer for its extent, anything pyproj knows for its spatial references."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise CodecError(f"expected a dict such as {{'extent': …, 'outSR': …}}, got {type(value).__name__}")
    context: dict[str, Any] = {}
    for key, setting in value.items():
        close = [known for known in _CONTEXT if known.casefold() == str(key).replace("_", "").casefold()]
        if key not in _CONTEXT and close:
            raise CodecError(f"context has no {key!r}.{did_you_mean(str(key), close)}")
        if setting is None:
            continue
        try:
            context[key] = _CONTEXT_CODERS.get(key, json_value)(setting)
        except CodecError as error:
            raise CodecError(str(error), path=str(key)) from error
    return json_value(context)


def _encode_context_extent(value: Any) -> Any:
    extent = dict(encode_extent(value))
    # The context is an envelope like any other; only the data type GPExtent has the other spelling.
    reference = extent.pop("spatial_reference", None)
    return {"spatialReference": reference, **extent} if reference else extent


def _encode_context_reference(value: Any) -> Any:
    return encode_reference(value)


def _encode_out_reference(value: Any) -> Any:
    """Return a number as it was given, once it is known to be one; everything else as an object."""
    reference = encode_reference(value)
    return value if isinstance(value, (int, str)) and str(value).strip().isdigit() else reference


def _encode_flag(value: Any) -> Any:
    return encode_value("GPBoolean", value)


_CONTEXT_CODERS: Mapping[str, Callable[[Any], Any]] = {
    "extent": _encode_context_extent,
    "outSR": _encode_context_reference,
    "processSR": _encode_context_reference,
}

_SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    "context": _encode_context,
    "env:outSR": _encode_out_reference,
    "env:processSR": _encode_out_reference,
    "esri_out_feature_service_name": json_value,
    "esri_out_image_service": json_value,
    "outputName": json_value,
    "returnColumnName": _encode_flag,
    "returnFeatureCollection": _encode_flag,
    "returnM": _encode_flag,
    "returnTrueCurves": _encode_flag,
    "returnZ": _encode_flag,
    "simplifyFeatures": _encode_flag,
}

#: Settings of a submission that every task takes beside its own parameters.
ENVIRONMENT = frozenset(_SETTINGS)
