"""Tasks of a notebook or script, handed to the local service by file.

The process that starts the service, or finds it running, writes each task of its own into the store's folder,
which only its owner can read or write: the description as JSON, the function as bytes of cloudpickle. The
service reads descriptions only. The bytes are linked into the folder of each job and executed in its worker,
so that a job runs the code it was submitted with. Nothing of this comes over HTTP.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import pickle
import sys
import time
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol.parameter import ParameterInfo
from spatial_widgets.server.gptask import Task
from spatial_widgets.server.jobfiles import write_durably
from spatial_widgets.server.registry import REGISTRY, installed_packages

if TYPE_CHECKING:
    from spatial_widgets.server.registry import Registry

__all__ = ["CODE", "FOLDER", "ServedTasks", "handed_task", "offer", "own_tasks", "refuse_clashes"]

_LOG = logging.getLogger("spatial_widgets.server")

#: The folder of a store that holds handed-over tasks.
FOLDER = "tasks"
#: The file of a job that holds the function it runs.
CODE = "task.pickle"
_MOST_BYTES = 64 * 1024 * 1024
_PLAIN = ("name", "description", "restartable", "timeout_s", "synchronous", "by_name", "takes_context")


# ---------------------------------------------------------------- where tasks are defined


def own_tasks(registry: Registry = REGISTRY) -> list[Task]:
    """Return the tasks that this process has defined itself: neither built in nor of installed packages."""
    installed = installed_packages()
    return [t for t in registry.values() if str(t.function.__module__).partition(".")[0] not in installed]


def offer(store: Path, tasks: Iterable[Task]) -> list[str]:
    """Hand tasks over to the service of a store, running or to be started; return their names.

    Raises
    ------
    SpatialWidgetsError : a task cannot be handed over; says why, and what to do.
    """
    folder = store / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    names = []
    for task in tasks:
        code = _pack(task)
        file = f"{hashlib.sha256(code).hexdigest()}.pickle"
        _write(folder / file, code)
        _write(_description(folder, task.name), json.dumps(_to_json(task, file)).encode())
        names.append(task.name)
    if names:
        _drop_unused(folder)
    return names


def refuse_clashes(store: Path, offered: Iterable[str], installed: Mapping[str, str]) -> None:
    """Take back what the service has already; raise where it is another task of the same name.

    Parameters
    ----------
    installed : the tasks that the service has without being handed any, with their modules.

    Raises
    ------
    SpatialWidgetsError : there is such a task; the one of this process is forgotten.
    """
    taken = {name.casefold(): module for name, module in installed.items()}
    for name in [name for name in offered if name.casefold() in taken]:
        _description(store / FOLDER, name).unlink(missing_ok=True)
        if REGISTRY[name].function.__module__ != taken[name.casefold()]:
            REGISTRY.remove(name)
            raise SpatialWidgetsError(
                f"The service has a task {name!r} already, which your own cannot replace. "
                f'Give yours another name, such as @task("My{name}"), and start again.'
            )


def _pack(task: Task) -> bytes:
    try:
        import cloudpickle
    except ImportError as error:
        raise SpatialWidgetsError(
            f"The task {task.name!r} of this notebook is handed over with cloudpickle, which is missing. "
            'Install it with: pip install "spatial_widgets[local]"'
        ) from error
    if callable(task.timeout_s):
        raise SpatialWidgetsError(
            f"The task {task.name!r} has a function as its time limit, which the service would have to execute. "
            "Give timeout_s as a number, or put the task into a module: LocalService.start(tasks=['my_module'])."
        )
    try:
        function = cloudpickle.dumps(dataclasses.replace(task, function=_bare(task.function)))
    except Exception as error:
        raise SpatialWidgetsError(
            f"The task {task.name!r} cannot be handed to the service: {error}. It uses something of this notebook "
            "that is bound to it, such as an open file or a lock. Make that inside of the function."
        ) from error
    if len(function) > _MOST_BYTES:
        raise SpatialWidgetsError(
            f"The task {task.name!r} brings {len(function):,} bytes of this notebook along, over {_MOST_BYTES:,}. "
            "It uses a large variable: take it as a parameter, or read it inside of the function."
        )
    path = [str(Path(entry).resolve()) for entry in sys.path]
    return pickle.dumps({"python": sys.version_info[:2], "path": path, "task": function})


def _bare(function: Any) -> Any:
    """Return a function of ``__main__`` without its annotations: they are in the description, and need not travel."""
    if not isinstance(function, types.FunctionType) or function.__module__ != "__main__":
        return function
    bare = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    bare.__kwdefaults__, bare.__doc__ = function.__kwdefaults__, function.__doc__
    bare.__module__, bare.__qualname__ = function.__module__, function.__qualname__
    return bare


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    write_durably(draft, content)
    draft.replace(path)


def _description(folder: Path, name: str) -> Path:
    return folder / f"{quote(name.casefold(), safe='')}.json"


def _to_json(task: Task, code: str) -> dict[str, Any]:
    return {name: getattr(task, name) for name in _PLAIN} | {
        "parameters": [dataclasses.asdict(p) for p in task.parameters],
        "code": code,
    }


def _drop_unused(folder: Path) -> None:
    used = {_read(path)["code"] for path in folder.glob("*.json")}
    for path in folder.glob("*.pickle"):
        if path.name not in used:
            path.unlink(missing_ok=True)


# ---------------------------------------------------------------- where tasks are served


class ServedTasks(Mapping[str, Task]):
    """The tasks of a service: those installed, and those handed over, which may change at any time."""

    def __init__(self, installed: Mapping[str, Task], store: Path) -> None:
        self.installed = installed
        self._folder = store / FOLDER
        self._seen: tuple[Any, ...] = ()
        self._tasks: dict[str, Task] = dict(installed)

    def __getitem__(self, name: str) -> Task:
        return self._current()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._current()))

    def __len__(self) -> int:
        return len(self._current())

    def forget(self, older_than_s: float) -> None:
        """Drop what was not handed over again for so long."""
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_s:
                    path.unlink()
                    _drop_unused(self._folder)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _current(self) -> dict[str, Task]:
        seen = []
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                seen.append((path, found.st_ino, found.st_mtime_ns))
        if tuple(seen) != self._seen:
            handed = {}
            for path, *_ in seen:
                try:
                    task = _from_json(self._folder, _read(path))
                except (OSError, ValueError, KeyError, TypeError):
                    _LOG.exception("the handed-over task %s cannot be read", path.name)
                else:
                    handed[task.name] = task
            self._tasks, self._seen = {**handed, **self.installed}, tuple(seen)
        return self._tasks


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def _from_json(folder: Path, document: dict[str, Any]) -> Task:
    plain = {name: document[name] for name in _PLAIN}
    parameters = tuple(
        ParameterInfo(**{**p, "choices": tuple(p["choices"]), "members": ()}) for p in document["parameters"]
    )
    return Task(function=_elsewhere, parameters=parameters, files={CODE: folder / document["code"]}, **plain)


def _elsewhere(*_: Any, **__: Any) -> Any:
    raise SpatialWidgetsError("a handed-over task is executed in its worker only")


# ---------------------------------------------------------------- where tasks are executed


def handed_task(job: Path) -> Task | None:
    """Return the task that was handed over for a job, from the job's folder; None for an installed one.

    Executes what the owner of the store has written there, so call it in a worker.

    Raises
    ------
    SpatialWidgetsError : somebody else may have written it, or another Python has.
    """
    path = job / CODE
    try:
        found = path.stat()
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise SpatialWidgetsError("The task's code could have been written by somebody else; it is not run.")
    package = pickle.loads(content)  # noqa: S301 -- written by the owner of this process, never by a client
    if package["python"] != sys.version_info[:2]:
        theirs, ours = (".".join(map(str, v)) for v in (package["python"], sys.version_info[:2]))
        raise SpatialWidgetsError(
            f"The task was defined with Python {theirs}, and this service runs {ours}. "
            "Stop the service, and start it from the notebook that has the task."
        )
    sys.path += [entry for entry in package["path"] if entry not in sys.path]
    task: Task = pickle.loads(package["task"])  # noqa: S301 -- the same
    return task
