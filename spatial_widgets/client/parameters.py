"""A task's parameters, checked against its description and turned into form fields. No I/O but the reading of local files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.environment import ENVIRONMENT, encode_setting
from spatial_widgets.codec import encode_parameter, form_pieces, local_files
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.codec import LocalFile
    from spatial_widgets.protocol import ParameterInfo, TaskInfo

__all__ = ["ENVIRONMENT", "Submission", "check_complete", "did_you_mean", "encoded_fields", "form_fields"]

_HIDDEN = "GPStringHidden"


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked form: ``fields`` are ready, ``waiting`` ones hold files that have to be uploaded first."""

    fields: dict[str, FormValue]
    waiting: dict[str, Any]

    @property
    def files(self) -> list[tuple[str, LocalFile]]:
        """Parameter and file, for each file of this machine; it is to be filled with what its upload gives."""
        return [(name, file) for name, tree in self.waiting.items() for file in local_files(tree)]

    def __or__(self, other: Submission) -> Submission:
        """Return a form with the fields of both; the other's where both have one."""
        mine = {name: value for name, value in self.fields.items() if name not in other.waiting}
        waiting = {name: tree for name, tree in self.waiting.items() if name not in other.fields}
        return Submission({**mine, **other.fields}, {**waiting, **other.waiting})

    def finished(self) -> dict[str, FormValue]:
        """Return all fields, once every file was uploaded."""
        return {**self.fields, **{name: form_pieces(tree) for name, tree in self.waiting.items()}}


def form_fields(task: str, info: TaskInfo, parameters: Mapping[str, Any]) -> Submission:
    """Return the form of a submission.

    Raises
    ------
    ParameterError : an unknown name, a missing input, or a value of the wrong type, choice or range.
    """
    submission = encoded_fields(task, info, parameters)
    check_complete(task, info, submission)
    return submission


def encoded_fields(task: str, info: TaskInfo, parameters: Mapping[str, Any]) -> Submission:
    """Return the form of some parameters; others may be missing. Raises as :func:`form_fields`."""
    fields: dict[str, FormValue] = {}
    waiting: dict[str, Any] = {}
    for name, value in parameters.items():
        parameter = next((p for p in info.inputs if p.name == name), None)
        if parameter is None and name not in ENVIRONMENT:
            raise _unknown(task, name, value, [p.name for p in info.inputs])
        if value is None:
            continue
        with_files, pieces = _encode(task, name, parameter, value)
        if with_files is None:
            fields[name] = pieces
        else:
            waiting[name] = with_files
    return Submission(fields, waiting)


def check_complete(task: str, info: TaskInfo, submission: Submission) -> None:
    """Raise ParameterError where a required input is missing."""
    given = submission.fields.keys() | submission.waiting.keys()
    missing = [p for p in info.inputs if p.required and p.name not in given]
    # A task that the service refuses in any case is left to the service, which says why.
    if missing and not info.refusal:
        wanted = ", ".join(f"{p.name} ({p.data_type})" for p in missing)
        raise ParameterError(
            f"{task} needs {wanted}. Nothing was sent.",
            parameter=missing[0].name,
            expected=missing[0].data_type,
        )


def _unknown(task: str, name: str, value: Any, names: list[str]) -> ParameterError:
    return ParameterError(
        f"{task} has no parameter {name!r}.{did_you_mean(name, [*names, *sorted(ENVIRONMENT)])} "
        f"Its parameters: {', '.join(names) or 'none'}.",
        parameter=name,
        value=value,
        expected=", ".join(names),
    )


def _encode(task: str, name: str, parameter: ParameterInfo | None, value: Any) -> tuple[Any, list[bytes]]:
    """Return ``(tree, [])`` where files have to be uploaded first, else ``(None, pieces)``."""
    data_type = parameter.data_type if parameter else ""
    try:
        tree = encode_setting(name, value) if parameter is None else encode_parameter(parameter, value)
        return (tree, []) if local_files(tree) else (None, form_pieces(tree))
    except CodecError as error:
        kind = f" ({data_type})" if data_type else ""
        raise ParameterError(
            f"{task}: parameter {name!r}{kind}: {error}. Nothing was sent.",
            parameter=name,
            value=None if _HIDDEN in data_type else value,
            expected=data_type,
        ) from error
