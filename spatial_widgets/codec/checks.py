"""What a task allows: choice lists and filters, compared with an encoded value.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-task/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from spatial_widgets.codec.features_out import FeatureSet
from spatial_widgets.codec.layers_out import LocalFile
from spatial_widgets.codec.shown import show
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spatial_widgets.protocol import ParameterInfo

__all__ = ["check", "coded_value", "suggestion"]

_DEFAULT_GEOMETRY = "esriGeometryPoint"  # what a service takes a feature set for that does not say it


def check(parameter: ParameterInfo, encoded: Any) -> None:
    """Raise CodecError, with what is allowed, when a value is outside its parameter's choices or filter."""
    if parameter.choices and not any(_is_same(choice, encoded) for choice in parameter.choices):
        raise CodecError(f"got {show(encoded)}.{suggestion(parameter, encoded)}")
    limits = parameter.filter or {}
    test = _TESTS.get(str(limits.get("type")))
    if test is not None:
        test(limits, encoded)


def coded_value(parameter: ParameterInfo, value: Any) -> tuple[Any] | None:
    """Return the coded value that a name stands for, in a tuple of its own, or None."""
    if not isinstance(value, str):
        return None
    codes = _codes(parameter.filter or {})
    for spelled in (str, str.casefold):
        for code in codes:
            if spelled(str(code.get("name"))) == spelled(value):
                return (code.get("value"),)
    return None


def suggestion(parameter: ParameterInfo, value: Any) -> str:
    """Return a sentence that names the values a parameter has to choose from, or nothing."""
    if parameter.choices:
        choices = [str(choice) for choice in parameter.choices]
        return f"{did_you_mean(str(value), choices)} Choose one of {', '.join(choices)}"
    codes = _codes(parameter.filter or {})
    return _code_suggestion(codes, value) if codes else ""


def _code_suggestion(codes: list[dict[str, Any]], value: Any) -> str:
    names = [str(code.get("name")) for code in codes]
    pairs = ", ".join(
        f"{name!r}" if isinstance(code.get("value"), dict) else f"{name!r} ({code.get('value')!r})"
        for name, code in zip(names, codes, strict=True)
    )
    return f"{did_you_mean(value if isinstance(value, str) else '', names)} Choose one of {pairs}"


def _is_same(allowed: Any, given: Any) -> bool:
    if isinstance(allowed, bool) or isinstance(given, bool):
        return str(allowed).casefold() == str(given).casefold()
    if isinstance(given, (int, float)) and isinstance(allowed, str):
        return _float(allowed) == given
    if isinstance(allowed, (int, float)) and isinstance(given, str):
        return _float(given) == allowed
    return bool(allowed == given)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _check_range(limits: Mapping[str, Any], encoded: Any) -> None:
    if not isinstance(encoded, (int, float)) or isinstance(encoded, bool):
        return
    low, high = (_float(limits.get(key)) for key in ("minimum", "maximum"))
    if (low is not None and encoded < low) or (high is not None and encoded > high):
        allowed = (
            f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
        )
        raise CodecError(f"got {encoded!r}; expected {allowed}")


def _check_geometry(limits: Mapping[str, Any], encoded: Any) -> None:
    allowed = _words(limits)
    found = _geometry_type(encoded)
    if not allowed or not found or found in allowed:
        return
    if isinstance(encoded, FeatureSet) and encoded.is_untyped:
        # An empty layer is as good a layer of lines as of points; the service wants a word it knows.
        encoded.head["geometryType"] = allowed[0]
        return
    raise CodecError(f"got a layer of {found}; expected {' or '.join(allowed)}")


def _geometry_type(encoded: Any) -> str:
    if isinstance(encoded, FeatureSet):
        return str(encoded.head.get("geometryType") or "")
    if not isinstance(encoded, dict):
        return ""
    if isinstance(encoded.get("featureSet"), (dict, FeatureSet)):
        definition = encoded.get("layerDefinition")
        told = definition.get("geometryType") if isinstance(definition, dict) else None
        return str(told or _geometry_type(encoded["featureSet"]))
    if isinstance(encoded.get("features"), list):
        return str(encoded.get("geometryType") or _DEFAULT_GEOMETRY)
    return ""


def _check_field(limits: Mapping[str, Any], encoded: Any) -> None:
    allowed = _words(limits)
    found = encoded.get("type") if isinstance(encoded, dict) else None
    if allowed and found and found not in allowed:
        raise CodecError(f"got a field of type {found}; expected {' or '.join(allowed)}")


def _check_file(limits: Mapping[str, Any], encoded: Any) -> None:
    allowed = [word.lstrip(".") for word in _words(limits)]
    if isinstance(encoded, LocalFile):
        name = encoded.path.name
    elif isinstance(encoded, dict) and isinstance(encoded.get("url"), str):
        name = urlsplit(encoded["url"]).path.rpartition("/")[2]
        if "." not in name:  # an address that does not show what is behind it
            return
    else:
        return
    if allowed and not any(name.casefold().endswith("." + word.casefold()) for word in allowed):
        raise CodecError(f"got the file {name!r}; expected one that ends in .{' or .'.join(allowed)}")


def _check_code(limits: Mapping[str, Any], encoded: Any) -> None:
    codes = _codes(limits)
    if codes and not any(_is_same(code.get("value"), encoded) for code in codes):
        raise CodecError(f"got {show(encoded)}.{_code_suggestion(codes, encoded)}")


def _words(limits: Mapping[str, Any]) -> list[str]:
    listed = limits.get("list")
    return [str(word) for word in listed] if isinstance(listed, list) else []


def _codes(limits: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = limits.get("list") if limits.get("type") == "codedValue" else None
    return [code for code in listed if isinstance(code, dict)] if isinstance(listed, list) else []


_TESTS: Mapping[str, Callable[[Mapping[str, Any], Any], None]] = {
    "range": _check_range,
    "featureClass": _check_geometry,
    "field": _check_field,
    "file": _check_file,
    "codedValue": _check_code,
}
