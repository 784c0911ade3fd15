"""Tasks: typed Python functions, described and called the way a GPServer describes and calls its tools.

The function's signature is the only description: from it come the task's JSON, the decoding of what a
client sends, and the encoding of what the function returns.
"""

from __future__ import annotations

import datetime as dt
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin

import geopandas as gpd
import pandas as pd

from spatial_widgets.codec.jsontext import plain
from spatial_widgets.codec.values import decode_value, encode_value
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.parameter import ParameterInfo
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit
from spatial_widgets.server.outputs import encode_output

if typing.TYPE_CHECKING:
    import numpy as np

__all__ = ["Context", "Note", "Registry", "Task", "is_file", "is_hosted", "is_layer", "is_many", "task"]

_DATA_TYPES: Mapping[Any, str] = {
    bool: "GPBoolean",
    int: "GPLong",
    float: "GPDouble",
    str: "GPString",
    dict: "GPString",
    dt.datetime: "GPDate",
    pd.Timestamp: "GPDate",
    LinearUnit: "GPLinearUnit",
    ArealUnit: "GPArealUnit",
    TimeUnit: "GPTimeUnit",
    gpd.GeoDataFrame: "GPFeatureRecordSetLayer",
    pd.DataFrame: "GPRecordSet",
    Path: "GPDataFile",
}
_LAYERS = {"GPFeatureRecordSetLayer", "GPRecordSet"}
_MULTI = "GPMultiValue:"
#: Words that stand where a task's name would stand in a URL.
_RESERVED = {"uploads", "info", "jobs", "openapi.json", "metadata"}
_ENTRY_POINTS = "spatial_widgets.tasks"


def is_layer(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a layer or a table, or a list of them: read in the job, not before."""
    return parameter.data_type.removeprefix(_MULTI) in _LAYERS


def is_file(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a file, or a list of them."""
    return parameter.data_type.removeprefix(_MULTI) == "GPDataFile"


def is_many(parameter: ParameterInfo) -> bool:
    """Whether a parameter is a list."""
    return parameter.data_type.startswith(_MULTI)


def is_hosted(parameter: ParameterInfo) -> bool:
    """Whether an output becomes a layer of its own where the job has an ``outputName``."""
    return is_layer(parameter) and not is_many(parameter)


class Context(Protocol):
    """What a running task can say and use; pass it by taking a first parameter called ``ctx``."""

    scratch: Path
    """A folder of this run alone, deleted with the job."""

    def info(self, text: str) -> None:
        """Append an informative message to the job's log."""

    def warn(self, text: str) -> None:
        """Append a warning."""

    def error(self, text: str) -> None:
        """Append an error; the job goes on. Raise to fail it."""

    def progress(self, percent: float, text: str = "") -> None:
        """Report how far the work is, 0 to 100; it never goes back."""

    def check(self) -> None:
        """Raise when the job was cancelled; only executors that cannot kill need it."""

    def rng(self, seed: int) -> np.random.Generator:
        """Return a seeded random generator and say the seed in the messages."""


@dataclass(frozen=True, slots=True)
class Note:
    """What an annotation adds to a parameter: ``Annotated[float, Note("metres to look around")]``."""

    description: str
    display_name: str = ""
    category: str = ""


@dataclass(frozen=True)
class Task:
    """A registered function.

    ``timeout_s`` is the task's own time limit, or a function of the decoded scalar parameters that
    gives it. ``restartable`` says that running it a second time, after the service was killed, is harmless.
    ``synchronous`` tasks answer to ``execute``, the others to ``submitJob``.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[ParameterInfo, ...]
    description: str = ""
    restartable: bool = False
    timeout_s: float | Callable[[Mapping[str, Any]], float | None] | None = None
    synchronous: bool = False
    takes_context: bool = field(default=False, repr=False)

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

        Names are compared without case, and an empty text means "not given", as clients expect.
        Whatever else the form holds is left aside.
        """
        folded = {name.casefold(): text for name, text in form.items()}
        return {
            p.name: folded[p.name.casefold()]
            for p in self.inputs
            if folded.get(p.name.casefold(), "").strip()
        }

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
        if parameter.choices:
            chosen = next((c for c in parameter.choices if _same_word(str(c), str(value))), None)
            if chosen is None:
                allowed = ", ".join(map(str, parameter.choices))
                raise ParameterError(
                    f"{self.name}: parameter {parameter.name!r} got {value!r}; choose one of {allowed}.",
                    parameter=parameter.name,
                    value=value,
                    expected=allowed,
                )
            return chosen
        return value

    def call(self, context: Context, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function and return output name → Python value; outputs it left out give None."""
        returned = self.function(context, **arguments) if self.takes_context else self.function(**arguments)
        values = (
            returned
            if isinstance(returned, dict) and len(self.outputs) != 0 and _names_outputs(returned, self)
            else None
        )
        if values is None:
            values = {self.outputs[0].name: returned} if self.outputs else {}
        return {p.name: values.get(p.name) for p in self.outputs}

    def run(self, context: Context, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function and return output name → JSON value; outputs it left out give ``""``."""
        values = self.call(context, arguments)
        return {p.name: plain(encode_output(p, values[p.name])) for p in self.outputs}

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
        }


def _same_word(choice: str, given: str) -> bool:
    """Whether a word is a choice, in any case; "Mile" stands for "Miles", as on Esri's own pages."""
    folded = choice.casefold()
    return given.casefold() in {folded, folded.removesuffix("s")}


def _names_outputs(returned: Mapping[str, Any], owner: Task) -> bool:
    return {p.name for p in owner.outputs} >= set(returned)


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
    return document


class Registry(Mapping[str, Task]):
    """The tasks of one service, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._tasks))

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, new: Task) -> None:
        """Register a task; a second one of the same name replaces the first.

        Raises
        ------
        ValueError : the name means something else in a URL.
        """
        if new.name.casefold() in _RESERVED or "/" in new.name or not new.name.strip():
            raise ValueError(f"a task cannot be called {new.name!r}: in a URL that means something else")
        self._tasks[new.name] = new

    def load_installed(self) -> None:
        """Import the built-in tasks and those of installed packages (entry points ``spatial_widgets.tasks``)."""
        import spatial_widgets.server.tasks  # noqa: F401 -- importing registers

        for entry in entry_points(group=_ENTRY_POINTS):
            entry.load()


#: Where :func:`task` puts what it decorates.
REGISTRY = Registry()


def task(
    name: str | None = None,
    *,
    restartable: bool = False,
    timeout_s: float | Callable[[Mapping[str, Any]], float | None] | None = None,
    synchronous: bool = False,
    registry: Registry | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn a typed Python function into a task of the local service.

    Parameters
    ----------
    name : the task's name; the function's own by default.
    restartable : whether the service may run it again after it was killed in mid-job.
    timeout_s : time limit in seconds, or a function from the decoded parameters to it; the service's own
        limit when None.
    synchronous : whether clients call it with ``execute`` and wait for the answer, instead of submitting a job.
    registry : where to put it; the one that every local service serves by default.

    Notes
    -----
    ``float`` is GPDouble, ``int`` GPLong, ``bool`` GPBoolean, ``str`` GPString, ``Literal[…]`` a GPString
    with a choice list, ``datetime`` GPDate, ``GeoDataFrame`` GPFeatureRecordSetLayer, ``DataFrame`` GPRecordSet,
    ``list[T]`` GPMultiValue. A default makes a parameter optional. A ``TypedDict`` as the return type names
    the outputs; any other return type gives one output called ``result``. A first parameter called ``ctx``
    receives a :class:`Context`.

    Examples
    --------
    >>> @task("Greet", registry=Registry())
    ... def greet(name: str, times: int = 1) -> str:
    ...     return f"Hello {name}. " * times
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        made = _describe(
            name or function.__name__,
            function,
            restartable=restartable,
            timeout_s=timeout_s,
            synchronous=synchronous,
        )
        (REGISTRY if registry is None else registry).add(made)
        return function

    return register


def _describe(name: str, function: Callable[..., Any], **settings: Any) -> Task:
    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    takes_context = next(iter(signature.parameters), None) == "ctx"
    inputs = [
        _parameter(name, p.name, hints.get(p.name, str), default=p.default)
        for p in list(signature.parameters.values())[int(takes_context) :]
    ]
    returned = hints.get("return", str)
    outputs = []
    if typing.is_typeddict(returned):
        for label, hint in typing.get_type_hints(returned, include_extras=True).items():
            outputs.append(_parameter(name, label, hint, direction="output"))
    elif returned is not type(None):
        outputs.append(_parameter(name, "result", returned, direction="output"))
    return Task(
        name=name,
        function=function,
        parameters=(*inputs, *outputs),
        description=inspect.cleandoc(function.__doc__ or ""),
        takes_context=takes_context,
        **settings,
    )


def _parameter(
    owner: str, name: str, hint: Any, *, default: Any = inspect.Parameter.empty, direction: str = "input"
) -> ParameterInfo:
    note = Note("")
    if get_origin(hint) is Annotated:
        note = next((extra for extra in hint.__metadata__ if isinstance(extra, Note)), note)
        hint = hint.__origin__
    members = [member for member in get_args(hint) if member is not type(None)]
    if type(None) in get_args(hint) and len(members) == 1:
        hint = members[0]
    choices: tuple[Any, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    if get_origin(hint) is list:
        data_type = "GPMultiValue:" + _data_type(owner, name, *get_args(hint))
    else:
        data_type = _data_type(owner, name, hint)
    has_default = default is not inspect.Parameter.empty
    kind = "Derived" if direction == "output" else "Optional" if has_default else "Required"
    return ParameterInfo(
        name=name,
        data_type=data_type,
        direction=direction,
        required=kind == "Required",
        default=encode_value(data_type, default) if has_default else None,
        choices=choices,
        display_name=note.display_name,
        description=note.description,
        category=note.category,
        parameter_type=f"esriGPParameterType{kind}",
    )


def _data_type(owner: str, name: str, hint: Any) -> str:
    plain = get_origin(hint) or hint
    try:
        return _DATA_TYPES[plain]
    except (KeyError, TypeError) as error:
        known = ", ".join(getattr(t, "__name__", str(t)) for t in _DATA_TYPES)
        raise TypeError(
            f"task {owner!r}: parameter {name!r} is annotated {hint!r}; use one of {known}, Literal or list."
        ) from error
