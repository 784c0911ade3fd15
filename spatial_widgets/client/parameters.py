"""A task's parameters, checked against its description and turned into form fields. No I/O."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec import encode_value, form_text
from spatial_widgets.errors import CodecError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spatial_widgets.protocol import ParameterInfo, TaskInfo

__all__ = ["ENVIRONMENT", "did_you_mean", "form_fields"]

#: Settings of a submission that every task takes beside its own parameters.
#: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
ENVIRONMENT = frozenset(
    {
        "context",
        "env:outSR",
        "env:processSR",
        "esri_out_feature_service_name",
        "esri_out_image_service",
        "outputName",
        "returnColumnName",
        "returnFeatureCollection",
        "returnM",
        "returnTrueCurves",
        "returnZ",
        "simplifyFeatures",
    }
)


def form_fields(task: str, info: TaskInfo, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the form fields of a submission.

    Raises
    ------
    ParameterError : an unknown name, a missing input, or a value of the wrong type, choice or range.
    """
    form: dict[str, str] = {}
    for name, value in parameters.items():
        parameter = next((p for p in info.inputs if p.name == name), None)
        if parameter is None and name not in ENVIRONMENT:
            names = [p.name for p in info.inputs]
            raise ParameterError(
                f"{task} has no parameter {name!r}.{did_you_mean(name, names)} Its parameters: {', '.join(names) or 'none'}.",
                parameter=name,
                value=value,
                expected=", ".join(names),
            )
        if value is not None:
            form[name] = form_text(value) if parameter is None else _encode(task, parameter, value)
    missing = [p for p in info.inputs if p.required and p.name not in form]
    if missing:
        wanted = ", ".join(f"{p.name} ({p.data_type})" for p in missing)
        raise ParameterError(
            f"{task} needs {wanted}. Nothing was sent.",
            parameter=missing[0].name,
            expected=missing[0].data_type,
        )
    return form


def _encode(task: str, parameter: ParameterInfo, value: Any) -> str:
    try:
        encoded = encode_value(parameter.data_type, value)
    except CodecError as error:
        raise ParameterError(
            f"{task}: parameter {parameter.name!r} ({parameter.data_type}): {error}. Nothing was sent.",
            parameter=parameter.name,
            value=value,
            expected=parameter.data_type,
        ) from error
    _check_choice(task, parameter, encoded)
    _check_range(task, parameter, encoded)
    return form_text(encoded)


def _check_choice(task: str, parameter: ParameterInfo, encoded: Any) -> None:
    if not parameter.choices:
        return
    for item in encoded if isinstance(encoded, list) else [encoded]:
        if item not in parameter.choices:
            choices = ", ".join(map(str, parameter.choices))
            raise ParameterError(
                f"{task}: parameter {parameter.name!r} got {item!r}.{did_you_mean(str(item), map(str, parameter.choices))} "
                f"Choose one of {choices}. Nothing was sent.",
                parameter=parameter.name,
                value=item,
                expected=choices,
            )


def _check_range(task: str, parameter: ParameterInfo, encoded: Any) -> None:
    limits = parameter.filter or {}
    if limits.get("type") != "range" or not isinstance(encoded, (int, float)):
        return
    low, high = (_float(limits.get(key)) for key in ("minimum", "maximum"))
    if (low is not None and encoded < low) or (high is not None and encoded > high):
        raise ParameterError(
            f"{task}: parameter {parameter.name!r} got {encoded!r}; expected {low} to {high}. Nothing was sent.",
            parameter=parameter.name,
            value=encoded,
            expected=f"{low} to {high}",
        )


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def did_you_mean(name: str, known: Iterable[Any]) -> str:
    """Return a sentence that proposes the nearest of the known names, or nothing."""
    folded = {str(k).casefold(): str(k) for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""
