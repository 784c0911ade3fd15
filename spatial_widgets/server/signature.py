"""A function's signature and docstring, read into the parameters of a task; where they disagree, it is refused."""

from __future__ import annotations

import dataclasses
import inspect
import keyword
import re
import typing
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec.jsontext import plain
from spatial_widgets.codec.parameters_out import encode_parameter
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.parameter import ParameterInfo
from spatial_widgets.protocol.spelling import did_you_mean
from spatial_widgets.server.annotations import Kind, Rows, read_annotation
from spatial_widgets.server.docstring import TaskText, read_docstring
from spatial_widgets.server.gptask import Task

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["describe"]

#: Form fields with a meaning of their own, and names that other clients' generated functions take.
_RESERVED = {"f", "token", "gis", "future", "estimate", "returnmessages"}
#: Words that stand where a task's name would stand in a URL.
_RESERVED_TASKS = {"uploads", "info", "jobs", "openapi.json", "metadata"}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RESULT = "result"


def describe(name: str, function: Callable[..., Any], **settings: Any) -> Task:
    """Return the task for a function.

    Raises
    ------
    ParameterError : function and description do not make a task; names the function, the parameter, what to write.
    """
    if not inspect.isfunction(function) or _never_returns(function):
        raise ParameterError(
            f"@task: {getattr(function, '__name__', function)!r} is no plain function. "
            "Decorate a def that takes its inputs and returns its outputs."
        )
    return _Reader(function).task(name, settings)


def _never_returns(function: Callable[..., Any]) -> bool:
    return any(
        test(function)
        for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    )


class _Reader:
    """Reads one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._given = inspect.signature(function).parameters
        self._takes_context = next(iter(self._given), None) == "ctx"
        self._text: TaskText = read_docstring(function.__doc__)

    def task(self, name: str, settings: dict[str, Any]) -> Task:
        self._check_name(name)
        hints = self._hints()
        inputs = [self._input(p, hints) for p in list(self._given.values())[int(self._takes_context) :]]
        outputs = self._outputs(hints)
        self._check_names([p.name for p in inputs], [p.name for p in outputs])
        for parameter in inputs:
            if parameter.dependency is not None and parameter.dependency not in self._given:
                raise self._refused(
                    parameter.name, f"depends on {parameter.dependency!r}, which is no parameter. Name one."
                )
        return Task(
            name=name,
            function=self._function,
            parameters=(*inputs, *outputs),
            description=self._text.description,
            takes_context=self._takes_context,
            by_name=typing.is_typeddict(hints["return"]),
            **settings,
        )

    def _refused(self, name: str, reason: str) -> ParameterError:
        about = f"parameter {name!r} " if name else ""
        return ParameterError(f"@task {self._function.__name__}(): {about}{reason}", parameter=name)

    # ------------------------------------------------------------ names

    def _check_name(self, name: object) -> None:
        if not isinstance(name, str) or not name.strip() or "/" in name or name.casefold() in _RESERVED_TASKS:
            raise self._refused("", f"a task cannot be called {name!r}: in a URL that means something else.")

    def _check_names(self, inputs: list[str], outputs: list[str]) -> None:
        seen: dict[str, str] = {}
        for name in [*inputs, *outputs]:
            folded = _HUMP.sub("_", name).casefold()
            if name.casefold() in _RESERVED or keyword.iskeyword(folded) or name.startswith("_"):
                raise self._refused(name, "has a name that means something else to clients. Rename it.")
            if folded in seen:
                raise self._refused(
                    name, f"and {seen[folded]!r} are one name to clients, which do not tell case. Rename one."
                )
            seen[folded] = name
        self._check_documented(self._text.parameters, [*inputs, *(["ctx"] if self._takes_context else [])])
        if outputs != [_RESULT]:
            self._check_documented(self._text.returns, outputs)

    def _check_documented(self, documented: dict[str, str], known: list[str]) -> None:
        for name in documented:
            if name not in known:
                raise self._refused(
                    name,
                    f"is in the docstring, not in the signature.{did_you_mean(name, known)} "
                    f"There are: {', '.join(known) or 'none'}.",
                )

    # ------------------------------------------------------------ types

    def _hints(self) -> dict[str, Any]:
        for name, parameter in self._given.items():
            if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
                raise self._refused(name, "stands for any number of inputs. Name each, or take a list[…].")
            if name == "ctx" and not self._takes_context:
                raise self._refused(name, "must come first: def task(ctx, …).")
            if parameter.kind is parameter.POSITIONAL_ONLY and name != "ctx":
                raise self._refused(name, "is positional only, and tasks are called by name. Remove the /.")
            if parameter.annotation is parameter.empty and name != "ctx":
                raise self._refused(name, f"has no type. Write one, such as {name}: float.")
        if "return" not in self._function.__annotations__:
            raise self._refused(
                "", "does not say what it returns. Write it, such as -> float, or -> None for no output."
            )
        annotations = dict(self._function.__annotations__)
        try:
            hints = typing.get_type_hints(self._function, include_extras=True)
        except (NameError, TypeError, SyntaxError, AttributeError) as error:
            missing = getattr(error, "name", None) or ""
            where = next((n for n, hint in annotations.items() if missing and missing in str(hint)), "")
            raise self._refused(
                "" if where == "return" else where,
                f"has an annotation that cannot be read ({error}). Import what it names, before the function, "
                "and not under TYPE_CHECKING.",
            ) from error
        return {**hints, "return": hints.get("return", type(None))}

    def _kind(self, name: str, hint: Any) -> Kind:
        try:
            return read_annotation(hint)
        except ValueError as error:
            shown = getattr(hint, "__name__", None) if isinstance(hint, type) else str(hint)
            raise self._refused(name, f"is annotated {shown}; {error}.") from error

    def _input(self, parameter: inspect.Parameter, hints: dict[str, Any]) -> ParameterInfo:
        kind = self._kind(parameter.name, hints[parameter.name])
        is_optional = parameter.default is not parameter.empty
        info = ParameterInfo(
            name=parameter.name,
            data_type=kind.data_type,
            required=not is_optional,
            choices=kind.choices,
            filter=kind.range,
            display_name=kind.note.display_name,
            description=kind.note.description or self._text.parameters.get(parameter.name, ""),
            category=kind.note.category,
            parameter_type=f"esriGPParameterType{'Optional' if is_optional else 'Required'}",
            dependency=kind.note.depends_on or None,
            holds_rows=kind.member is Rows,
        )
        return self._with_default(info, kind, parameter.default) if is_optional else info

    def _with_default(self, info: ParameterInfo, kind: Kind, default: Any) -> ParameterInfo:
        if not kind.takes(default):
            raise self._refused(info.name, self._bad_default(kind, default))
        try:
            encoded = plain(encode_parameter(info, default))
        except (CodecError, ParameterError) as error:
            raise self._refused(info.name, f"has the default {default!r}: {error}.") from error
        return dataclasses.replace(info, default=encoded)

    def _bad_default(self, kind: Kind, default: Any) -> str:
        said = f"has the default {default!r}"
        if kind.choices and default is not None:
            return f"{said}, which is none of its choices {', '.join(map(repr, kind.choices))}. Choose one."
        name = f"list[{kind.member.__name__}]" if kind.is_list else kind.member.__name__
        if default is None:
            return f"{said} but not the type for it. Write {name} | None = None."
        return f"{said}, which is no {name}. Give another default, or another type."

    def _outputs(self, hints: dict[str, Any]) -> list[ParameterInfo]:
        returned = hints["return"]
        if returned is type(None):
            return []
        if typing.is_typeddict(returned):
            named = typing.get_type_hints(returned, include_extras=True)
            return [
                self._output(name, hint, self._text.returns.get(name, "")) for name, hint in named.items()
            ]
        text = next((said for said in self._text.returns.values() if said), "")
        return [self._output(_RESULT, returned, text)]

    def _output(self, name: str, hint: Any, text: str) -> ParameterInfo:
        kind = self._kind(name, hint)
        return ParameterInfo(
            name=name,
            data_type=kind.data_type,
            direction="output",
            choices=kind.choices,
            display_name=kind.note.display_name,
            description=kind.note.description or text,
            category=kind.note.category,
            parameter_type="esriGPParameterTypeDerived",
            holds_rows=kind.member is Rows,
        )
