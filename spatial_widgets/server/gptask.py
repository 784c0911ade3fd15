"""A task: a function with the description by which clients find, fill and call it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec.checks import check
from spatial_widgets.codec.jsontext import plain
from spatial_widgets.codec.values import decode_value
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.server.outputs import encode_output
from spatial_widgets.server.spellings import own_output, understood

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spatial_widgets.protocol.parameter import ParameterInfo
    from spatial_widgets.server.context import Context

__all__ = ["Task", "is_file", "is_hosted", "is_layer", "is_many"]

_LAYERS = {"GPFeatureRecordSetLayer", "GPRecordSet"}
_MULTI = "GPMultiValue:"


def is_layer(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a layer or a table, or a list of them: read in the job, not before."""
    return parameter.holds_rows or parameter.data_type.removeprefix(_MULTI) in _LAYERS


def is_file(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a file, or a list of them."""
    return parameter.data_type.removeprefix(_MULTI) == "GPDataFile"


def is_many(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a list."""
    return parameter.data_type.startswith(_MULTI)


def is_hosted(parameter: ParameterInfo) -> bool:
    """Whether an output becomes a layer of its own where the job has an ``outputName``."""
    return is_layer(parameter) and not is_many(parameter)


@dataclass(frozen=True)
class Task:
    """A registered function.

    ``timeout_s`` is the task's own time limit, or a function of the decoded scalar parameters that
    gives it. ``restartable`` says that running it a second time, after the service was killed, is harmless.
    ``synchronous`` tasks answer to ``execute``, the others to ``submitJob``. ``by_name`` says that the function
    returns a dict of its outputs. ``files`` are put into the folder of each of its jobs. A ``refusal`` is the
    error that every submit is answered with: the task is described here, and works elsewhere.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[ParameterInfo, ...]
    description: str = ""
    restartable: bool = False
    timeout_s: float | Callable[[Mapping[str, Any]], float | None] | None = None
    synchronous: bool = False
    takes_context: bool = field(default=False, repr=False)
    by_name: bool = field(default=False, repr=False)
    files: Mapping[str, Path] = field(default_factory=dict, repr=False)
    refusal: str = field(default="", repr=False)

    @property
    def inputs(self) -> tuple[ParameterInfo, ...]:
        """What a client sends."""
        return tuple(p for p in self.parameters if p.is_input)

    @property
    def outputs(self) -> tuple[ParameterInfo, ...]:
        """What the task answers with."""
        return tuple(p for p in self.parameters if not p.is_input)

    def given(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the task's own inputs out of a request's form, by their declared names.

        Names are compared without case, and an empty text means "not given", as clients expect. One that the
        page of a task spells otherwise than its service is understood either way. Whatever else the form holds is left aside.
        """
        folded, _ = understood(self.name, _folded(form))
        return {p.name: folded[p.name.casefold()] for p in self.inputs if p.name.casefold() in folded}

    def remarks(self, form: Mapping[str, str]) -> list[str]:
        """Return a sentence on each name in a form that is not the service's own, and understood."""
        return understood(self.name, _folded(form))[1]

    def output(self, name: str) -> ParameterInfo | None:
        """Return the output of that name, in any case, or as the task's page spells it."""
        wanted = own_output(self.name, name)
        return next((p for p in self.outputs if p.name.casefold() == wanted), None)

    def check(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Decode the cheap inputs and refuse what can be seen to be wrong before a job exists.

        Layers and tables are looked at only from outside; :meth:`decode` reads them, in the job.

        Raises
        ------
        ParameterError : naming the parameter and what is expected.
        """
        checked = {p.name: self.check_one(p, given) for p in self.inputs}
        return {name: value for name, value in checked.items() if name in given}

    def check_one(self, parameter: ParameterInfo, given: Mapping[str, str]) -> Any:
        """Do the same for one input; one that was not given, and need not be, gives None."""
        text = given.get(parameter.name)
        if text is None and parameter.required:
            raise ParameterError(
                f"{self.name}: the required parameter {parameter.name!r} ({parameter.data_type}) is missing.",
                parameter=parameter.name,
            )
        if text is None:
            return None
        if is_layer(parameter) or is_file(parameter):
            return _check_outside(self.name, parameter, text)
        return self._decode_one(parameter, text)

    def decode(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the keyword arguments of the function for the texts of a form."""
        return {p.name: self._decode_one(p, given[p.name]) for p in self.inputs if p.name in given}

    def _decode_one(self, parameter: ParameterInfo, text: str) -> Any:
        try:
            value = decode_value(parameter.data_type, text, path=parameter.name)
        except CodecError as error:
            raise ParameterError(
                f"{self.name}: parameter {parameter.name!r} ({parameter.data_type}): {error}",
                parameter=parameter.name,
            ) from error
        try:
            if isinstance(value, list) and is_many(parameter):
                return [_allowed(parameter, item) for item in value]
            return _allowed(parameter, value)
        except CodecError as error:
            allowed = ", ".join(map(str, parameter.choices))
            raise ParameterError(
                f"{self.name}: parameter {parameter.name!r} {error}",
                parameter=parameter.name,
                value=value,
                expected=allowed,
            ) from error

    def call(self, context: Context, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function and return output name → Python value; outputs it left out give None."""
        returned = self.function(context, **arguments) if self.takes_context else self.function(**arguments)
        values = (
            self._by_name(returned)
            if self.by_name
            else dict.fromkeys([p.name for p in self.outputs], returned)
        )
        return {p.name: values.get(p.name) for p in self.outputs}

    def _by_name(self, returned: Any) -> Mapping[str, Any]:
        names = [p.name for p in self.outputs]
        unknown = [key for key in returned if key not in names] if isinstance(returned, dict) else [returned]
        if unknown:
            raise TypeError(f"returned {unknown[0]!r:.100}; a dict of its outputs is due: {', '.join(names)}")
        known: Mapping[str, Any] = returned
        return known

    def run(self, context: Context, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function and return output name → JSON value; outputs it left out give ``""``.

        A file is named by its own ``file:`` URL: there is no service here to offer it.
        """
        values = self.call(context, arguments)
        return {
            p.name: _file_urls(values[p.name]) if is_file(p) else plain(encode_output(p, values[p.name]))
            for p in self.outputs
        }

    @property
    def execution_type(self) -> str:
        """Esri's word for how the task is called."""
        return f"esriExecutionType{'S' if self.synchronous else 'As'}ynchronous"

    def to_json(self) -> dict[str, Any]:
        """Return the task resource, as the REST face shows it."""
        return {
            "name": self.name,
            "displayName": self.name,
            "description": self.description,
            "category": "",
            "helpUrl": "",
            "executionType": self.execution_type,
            "parameters": [_parameter_json(p) for p in self.parameters],
            # Not ArcGIS's: tells our own client to leave the answer to the service, whatever the inputs.
        } | ({"refusal": self.refusal} if self.refusal else {})


def _folded(form: Mapping[str, str]) -> dict[str, str]:
    return {name.casefold(): text for name, text in form.items() if text.strip()}


def _file_urls(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_file_urls(item) for item in value]
    return "" if value is None else {"url": value.absolute().as_uri()}


def _same_word(choice: str, given: str) -> bool:
    """Whether a word is a choice, in any case; "Mile" stands for "Miles", as on Esri's own pages."""
    folded = choice.casefold()
    return given.casefold() in {folded, folded.removesuffix("s")}


def _allowed(parameter: ParameterInfo, value: Any) -> Any:
    """Return a value as its task spells it; raise CodecError when it is outside of the choices or the range."""
    if value is None:
        return None
    if parameter.choices:
        chosen = next((c for c in parameter.choices if c == value or _same_word(str(c), str(value))), None)
        if chosen is None:
            raise CodecError(f"got {value!r}; choose one of {', '.join(map(str, parameter.choices))}.")
        return chosen
    try:
        check(parameter, value)
    except CodecError as error:
        raise CodecError(f"{error}.") from error
    return value


def _check_outside(owner: str, parameter: ParameterInfo, text: str) -> str:
    begins = text.lstrip()[:1]
    if begins != "{" and not (begins == "[" and is_many(parameter)):
        kind = "itemID" if is_file(parameter) else "features, url or itemID"
        raise ParameterError(
            f"{owner}: parameter {parameter.name!r} ({parameter.data_type}) must be a JSON object with {kind}.",
            parameter=parameter.name,
        )
    return text


def _parameter_json(parameter: ParameterInfo) -> dict[str, Any]:
    document = {
        "name": parameter.name,
        "dataType": parameter.data_type,
        "displayName": parameter.display_name or parameter.name,
        "description": parameter.description,
        "direction": "esriGPParameterDirection" + parameter.direction.capitalize(),
        "defaultValue": parameter.default,
        "parameterType": parameter.parameter_type,
        "category": parameter.category,
    }
    if parameter.choices:
        document["choiceList"] = list(parameter.choices)
    if parameter.filter is not None:
        document["filter"] = dict(parameter.filter)
    if parameter.dependency is not None:
        document["dependency"] = parameter.dependency
    return document
