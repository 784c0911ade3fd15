"""Finds the running service of a store, or starts one in a process and session of its own.

Not a thread of the kernel: a cell that holds the interpreter would hold up the service, and a kernel
restart would end it. Not in the kernel's session: an interrupt of the kernel would interrupt it too. It is long because
finding, starting and stopping stand together: each must know what the others leave in the store.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import platformdirs

from spatial_widgets import __version__
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server.discovery import Discovery
from spatial_widgets.server.faults import MODES, Faults
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.locks import FileLock
from spatial_widgets.server.processes import end_group, is_alive, start_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.server.faults import FaultsWish

__all__ = ["LocalServiceProcess", "default_store", "faults_store"]

_PATIENCE_S = 60.0
_STOP_S = 15.0
_LOG_BYTES = 5_000_000
# Popen objects of services that outlive the handle; asked now and then, so that an ended one is collected.
_STARTED: list[subprocess.Popen[bytes]] = []


def default_store() -> Path:
    """Return this user's store: ``$SPATIAL_WIDGETS_STORE``, or a folder among the user's data."""
    named = os.environ.get("SPATIAL_WIDGETS_STORE")
    return Path(named) if named else platformdirs.user_data_path("spatial_widgets") / "service"


def faults_store() -> Path:
    """Return the store of services that misbehave on purpose: beside the usual one."""
    usual = default_store()
    return usual.with_name(f"{usual.name}-faults")


class LocalServiceProcess:
    """A running local service: where it is, its token, and how to stop it.

    Attributes
    ----------
    url : address of the GPServer.
    token : what requests must carry; None when the service asks for none.
    pid : the service's process.
    store : its folder.
    started : whether this object started it, or found it running.
    """

    def __init__(self, store: Path, found: Discovery, *, started: bool) -> None:
        self.store = store
        self.url = found.url
        self.token = found.token
        self.pid = found.pid
        self.started = started
        self._mark = found.pid_start

    @classmethod
    def start(  # noqa: PLR0913 -- the settings of a service, by name
        cls,
        *,
        store: str | os.PathLike[str] | None = None,
        workers: int | None = None,
        executor: str | None = None,
        address: str | None = None,
        port: int = 0,
        anonymous: bool | None = None,
        timeout_s: float | None = None,
        limits: Limits | None = None,
        strict: bool | None = None,
        faults: FaultsWish = None,
        tasks: Sequence[str] = (),
    ) -> Self:
        """Return the running service of a store, or start one and wait until it answers.

        Parameters
        ----------
        store : folder; :func:`default_store` by default.
        executor : where jobs run: ``"process"`` (default), processes of this machine; ``"dask"``, a Dask
            cluster; ``"inline"``, the service's own thread, one at a time and without a hard cancel.
        address : the Dask cluster's scheduler, ``"tcp://host:8786"``; without one ``executor="dask"`` starts
            a cluster of its own on this machine.
        workers, port, anonymous, timeout_s : more settings of a new service. A running one must have the
            same, where they are given.
        limits : all the numbers of a new service (:class:`~spatial_widgets.server.limits.Limits`), likewise;
            ``timeout_s`` beside it wins.
        strict : refuse to cancel a job that is still Submitted, as ArcGIS does.
        faults : misbehave on purpose, for teaching and tests: a mode such as ``"flaky"``, several, or a mapping with
            rates and seed, see docs/faults.md. Such a service has a store of its own, :func:`faults_store`, and
            is never given to a call that did not ask for the same faults.
        tasks : modules with more tasks, importable here; for a new service. Tasks that this process has
            defined itself, in a notebook's cells say, are handed over in any case, see docs/own-tasks.md.

        Raises
        ------
        SpatialWidgetsError : it does not start, or runs with other settings.
        """
        wish = Faults.of(faults)
        folder = _folder(faults_store() if wish and store is None else store)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        wanted = {
            "workers": workers,
            "executor": executor or ("dask" if address else None),
            "address": address,
            "port": port or None,
            "anonymous": anonymous,
            "timeout_s": timeout_s,
            "strict": strict,
            "faults": wish.to_json() if wish else {},
            "limits": None
            if limits is None
            else limits.to_json() | ({"timeout_s": timeout_s} if timeout_s else {}),
        }
        # Two kernels that start at once: the second waits here, and finds the service of the first.
        with FileLock(folder / "launcher.lock") as lock:
            if not lock.acquire(timeout_s=_PATIENCE_S):
                raise SpatialWidgetsError(
                    f"Another process has been starting the service of {folder} for {_PATIENCE_S:g} s. Try again."
                )
            found = _running(folder)
            started = found is None
            if found is not None:
                _compare(folder, found, wanted)
            offered = _offer_own_tasks(folder)
            if found is None:
                found = _launch(folder, wanted, tasks)
            if offered:
                _refuse_clashes(folder, offered, found)
            return cls(folder, found, started=started)

    @classmethod
    def running(cls, *, store: str | os.PathLike[str] | None = None) -> Self | None:
        """Return the running service of a store, or None; starts nothing."""
        folder = _folder(store)
        found = Discovery.read(folder)
        alive = found is not None and found.is_alive and found.health() is not None
        return cls(folder, found, started=False) if found is not None and alive else None

    def stop(self) -> None:
        """Stop the service, whoever started it; harmless when it has stopped.

        Running jobs are given a few seconds; those that wait are kept for the next start.
        """
        family = _family(self.pid) if is_alive(self.pid, self._mark) else []
        if is_alive(self.pid, self._mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        _await(lambda: not is_alive(self.pid, self._mark), _STOP_S)
        end_group(self.pid, self._mark)
        _await(lambda: not any(is_alive(*member) for member in family), 2.0)
        for member in family:
            end_group(*member)
        _collect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.started:
            self.stop()

    def __repr__(self) -> str:
        state = "running" if is_alive(self.pid, self._mark) else "stopped"
        return f"<{type(self).__name__} {state} at {self.url}, store {str(self.store)!r}>"


def _folder(store: str | os.PathLike[str] | None) -> Path:
    return Path(default_store() if store is None else store).expanduser().resolve()


def _running(folder: Path) -> Discovery | None:
    """Return the service that owns the store; one that is just starting is waited for."""
    _collect()
    until = time.monotonic() + _PATIENCE_S
    while True:
        found = Discovery.read(folder)
        health = found.health() if found is not None and found.is_alive else None
        if health is not None and health.get("status") == "ok":
            return found
        with FileLock(folder / "service.lock") as owner:
            if owner.acquire():
                return None
        if time.monotonic() > until:
            raise SpatialWidgetsError(
                f"A service owns the store {folder} but does not answer"
                + (
                    f"; end its process {found.pid} and start again."
                    if found
                    else ". End its process and start again."
                )
            )
        time.sleep(0.05)


def _compare(folder: Path, found: Discovery, wanted: Mapping[str, object]) -> None:
    other = {
        name: getattr(found, name)
        for name, value in wanted.items()
        if value is not None and getattr(found, name) != value
    }
    if "faults" in other:
        other["faults"] = ", ".join(name for name in found.faults if name in MODES) or "none"
    limits = wanted.get("limits")
    if isinstance(limits, dict) and other.pop("limits", None) is not None:
        other |= {name: found.limits.get(name) for name in limits if limits[name] != found.limits.get(name)}
    if found.version != __version__:
        other["version"] = found.version
    if other:
        differences = ", ".join(f"{name} is {value!r}" for name, value in other.items())
        raise SpatialWidgetsError(
            f"The service of the store {folder} runs already with other settings: {differences}. "
            "Stop it first (LocalService.running(store=…).stop(), or end its process "
            f"{found.pid}), or choose another folder as store."
        )


def _offer_own_tasks(folder: Path) -> list[str]:
    # Who has not loaded the registry has defined no task; and loading it takes its time.
    if "spatial_widgets.server.registry" not in sys.modules:
        return []
    from spatial_widgets.server.handover import offer, own_tasks

    return offer(folder, own_tasks())


def _refuse_clashes(folder: Path, offered: Sequence[str], found: Discovery) -> None:
    from spatial_widgets.server.handover import refuse_clashes

    refuse_clashes(folder, offered, found.installed)


def _launch(folder: Path, wanted: Mapping[str, object], tasks: Sequence[str]) -> Discovery:
    _require("The local service", "local", "starlette", "uvicorn", "pyarrow")
    if wanted["executor"] == "dask":
        _require("The Dask executor", "dask", "distributed")
    log = folder / "service.log"
    with contextlib.suppress(OSError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(folder / "service.log.1")
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
        begin = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(  # noqa: S603 -- our own interpreter and options
            [sys.executable, "-P", "-m", "spatial_widgets.server", *_options(folder, wanted, tasks)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": _search_path()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _STARTED.append(process)
    found = _await_health(folder, process)
    if found is None:
        process.kill()
        process.wait()
        tail = log.read_bytes()[begin:].decode(errors="replace").strip()[-2000:] or "(the log is empty)"
        raise SpatialWidgetsError(
            f"The local service did not start. The end of its log {log}:\n{tail}\nMend that, then start again."
        )
    return found


def _require(who: str, extra: str, *names: str) -> None:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise SpatialWidgetsError(
            f'{who} needs {" and ".join(missing)}. Install with: pip install "spatial_widgets[{extra}]"'
        )


def _options(folder: Path, wanted: Mapping[str, object], tasks: Sequence[str]) -> list[str]:
    flags = {
        "workers": "--workers",
        "executor": "--executor",
        "address": "--dask",
        "port": "--port",
        "timeout_s": "--timeout",
    }
    options = ["--store", str(folder)]
    for name, flag in flags.items():
        if wanted[name] is not None:
            options += [flag, str(wanted[name])]
    if isinstance(wanted["limits"], dict):
        options += Limits.from_json(wanted["limits"]).to_options()
    for module in tasks:
        options += ["--tasks", module]
    if isinstance(wanted["faults"], dict) and wanted["faults"]:
        options += ["--faults", ",".join(f"{name}={value}" for name, value in wanted["faults"].items())]
    options += ["--strict"] if wanted["strict"] else []
    return [*options, "--anonymous"] if wanted["anonymous"] else options


def _search_path() -> str:
    # What can be imported here can be imported there: a checkout, or a module beside the notebook.
    return os.pathsep.join(dict.fromkeys(str(Path(entry).resolve()) for entry in sys.path))


def _await_health(folder: Path, process: subprocess.Popen[bytes]) -> Discovery | None:
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        found = Discovery.read(folder)
        if found is not None and found.pid == process.pid and found.health() is not None:
            return found
        time.sleep(0.03)
    return None


def _family(pid: int) -> list[tuple[int, str | None]]:
    """Return the processes below a service, each with its start mark."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return [
            (member.pid, start_mark(member.pid)) for member in psutil.Process(pid).children(recursive=True)
        ]
    return []


def _await(condition: Callable[[], bool], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while not condition() and time.monotonic() < until:
        _collect()
        time.sleep(0.01)


def _collect() -> None:
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]
