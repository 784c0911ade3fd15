"""Where tasks are registered: typed Python functions, described and called as a GPServer does with its tools.

The function's signature is the only description: from it come the task's JSON, the decoding of what a client
sends, and the encoding of what the function returns. annotations.py has the types, signature.py the reading,
gptask.py what a task then does, context.py what it may say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar, overload

from spatial_widgets.server.annotations import File, Layer, Note, P, Table
from spatial_widgets.server.context import Context
from spatial_widgets.server.gptask import Task, is_file, is_hosted, is_layer, is_many
from spatial_widgets.server.signature import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "REGISTRY",
    "Context",
    "File",
    "Layer",
    "Note",
    "P",
    "Registry",
    "Table",
    "Task",
    "installed_packages",
    "is_file",
    "is_hosted",
    "is_layer",
    "is_many",
    "task",
]

_LOG = logging.getLogger("spatial_widgets.server")
_ENTRY_POINTS = "spatial_widgets.tasks"

Function = TypeVar("Function", bound=Callable[..., Any])
TimeLimit = float | Callable[[Mapping[str, Any]], float | None] | None


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
        """Register a task; a second one of the same name replaces the first."""
        self._tasks[new.name] = new

    def remove(self, name: str) -> None:
        """Forget a task, if it is there."""
        self._tasks.pop(name, None)

    def load_installed(self) -> None:
        """Import the built-in tasks and those of installed packages (entry points ``spatial_widgets.tasks``).

        A package whose tasks cannot be imported is named in the log, and does not keep the others from their work.
        """
        import spatial_widgets.server.tasks  # noqa: F401 -- importing registers

        for entry in _entries():
            try:
                entry.load()
            except Exception:  # noqa: BLE001 -- somebody else's module may fail in any way
                package = entry.dist.name if entry.dist is not None else "?"
                _LOG.exception(
                    "the tasks of the package %s (%s) cannot be loaded; update or remove it",
                    package,
                    entry.value,
                )


def _entries() -> Sequence[EntryPoint]:
    return tuple(entry_points(group=_ENTRY_POINTS))


def installed_packages() -> set[str]:
    """Return the top-level packages whose tasks every local service has."""
    return {"spatial_widgets", *(entry.module.partition(".")[0] for entry in _entries())}


#: Where :func:`task` puts what it decorates.
REGISTRY = Registry()


@overload
def task(name: Function, /) -> Function: ...
@overload
def task(
    name: str | None = None,
    *,
    restartable: bool = False,
    timeout_s: TimeLimit = None,
    synchronous: bool = False,
    registry: Registry | None = None,
) -> Callable[[Function], Function]: ...
def task(
    name: Any = None,
    *,
    restartable: bool = False,
    timeout_s: TimeLimit = None,
    synchronous: bool = False,
    registry: Registry | None = None,
) -> Any:
    """Turn a typed Python function into a task of the local service; the function itself stays as it is.

    Parameters
    ----------
    name : the task's name; the function's own by default, and when it is written without brackets: ``@task``.
    restartable : whether the service may run it again after it was killed in mid-job.
    timeout_s : time limit in seconds, or a function from the decoded parameters to it; the service's own
        limit when None.
    synchronous : whether clients call it with ``execute`` and wait for the answer, instead of submitting a job.
    registry : where to put it; the one that every local service serves by default.

    Raises
    ------
    ParameterError : signature, defaults and docstring do not make a task; names the function, the
        parameter and what to write.

    Notes
    -----
    ``float`` is GPDouble, ``int`` GPLong, ``bool`` GPBoolean, ``str`` GPString, ``Literal[…]`` a choice list,
    ``datetime`` GPDate, ``LinearUnit``, ``ArealUnit`` and ``TimeUnit`` their namesakes, ``GeoDataFrame`` (or
    ``Layer``) GPFeatureRecordSetLayer, ``DataFrame`` (or ``Table``) GPRecordSet, both with ``|`` between them a GPString that
    takes either, ``Path`` (or ``File``) GPDataFile (in and out),
    ``list[T]`` GPMultiValue, ``Sequence[T] = ()`` too, with an empty list as its default. A default makes a parameter optional; one that may be missing is ``T | None = None``.
    ``Annotated[float, P("metres", minimum=0)]`` adds help and a range; help may also stand in the
    docstring's Parameters section. A ``TypedDict`` as the return type names the outputs; any other gives one
    output called ``result``, and None none. A first parameter called ``ctx`` receives a :class:`Context`.

    Examples
    --------
    >>> @task("Greet", registry=Registry())
    ... def greet(name: str, times: int = 1) -> str:
    ...     return f"Hello {name}. " * times
    """

    def register(function: Function, name: str | None = name) -> Function:
        made = describe(
            getattr(function, "__name__", "") if name is None else name,
            function,
            restartable=restartable,
            timeout_s=timeout_s,
            synchronous=synchronous,
        )
        (REGISTRY if registry is None else registry).add(made)
        return function

    return register(name, None) if callable(name) else register
