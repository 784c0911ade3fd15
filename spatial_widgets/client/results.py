"""Results of a job: fetched when asked for, decoded once, kept."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from spatial_widgets.client.advice import advise
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.layers import LayerReader
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.requestpool import Loads
from spatial_widgets.codec import FileReference, LayerOptions, LayerText, ToldTooLate, decode_value
from spatial_widgets.errors import (
    JobError,
    NotFound,
    ProtocolError,
    SpatialWidgetsError,
    WaitTimeout,
)
from spatial_widgets.protocol.urls import join, origin, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.session import GPSession

__all__ = ["ResultFile", "Results"]

_LAYER_URL = re.compile(r"/(FeatureServer|MapServer)/\d+/?$", re.IGNORECASE)


class ResultFile:
    """A file that a result points to. Nothing is fetched before :meth:`read` or :meth:`save`.

    Attributes
    ----------
    url : where it lies; servers clean such files away after a while.
    format : the service's word for its kind, or "".
    """

    def __init__(self, url: str, *, format: str = "", session: GPSession) -> None:  # noqa: A002 -- the wire's own key
        self.url = url
        self.format = format
        self._session = session

    def read(self) -> bytes:
        """Return the whole file. One GET."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield the file piece by piece, as it arrives. One GET."""
        return self._session.download(self.url)

    def save(self, path: str | Path) -> Path:
        """Write the file to ``path`` and return it; an existing file is replaced only by a whole one. One GET."""
        target = Path(path)
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as out:
                for chunk in self.pieces():
                    out.write(chunk)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def __repr__(self) -> str:
        return f"<ResultFile {self.url}>"


class Results(Mapping[str, Any]):
    """Output name to decoded value, for one job. Reading a value fetches it (one GET) the first time.

    Names are found in any case. Before the job has succeeded there are no names, and reading one
    raises the job's error, or says to wait.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._values: dict[tuple[Any, ...], Any] = {}
        self.after_fork()

    def after_fork(self) -> None:
        """Get new locks, as in a forked child: who held the old ones is not there."""
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _spelling(name, self._paths()) is not None

    def __getitem__(self, name: str) -> Any:
        return self.load(name)

    def __repr__(self) -> str:
        return f"<Results of job {self._job.job_id}: {', '.join(self) or 'none yet'}>"

    def is_loaded(self, name: str) -> bool:
        """Whether a value is here already, so that reading it costs no request."""
        return (name, None, False) in self._values

    def load(self, name: str, *, deadline_s: float | None = None, **options: Any) -> Any:
        """Return one value, fetching it if need be; several threads share one fetch.

        ``options`` are those of :meth:`Job.result`; a value read with other options is fetched anew.

        Raises
        ------
        NotFound : the job has no such output; lists those it has.
        JobError : the job has not succeeded.
        WaitTimeout : another thread's fetch of the same value took longer than ``deadline_s``.
        TransportTimeout : this one did, all requests for it together.
        """
        chosen = LayerOptions(**options)
        key = (chosen.dtype_backend, chosen.domains)
        budget = Budget(self._job.session.clock, deadline_s)
        if not self._job.info.status.is_success:
            self._job.raise_for_status()
            raise JobError(
                f"Job {self._job.job_id} is still {self._job.status.label}, so there are no results yet. "
                "Call job.wait() first, or job.result(), which waits.",
                job=self._job,
                info=self._job.info,
            )
        paths = self._paths(budget)
        spelled = _spelling(name, paths)
        if spelled is None:
            have = ", ".join(paths) or "none"
            raise NotFound(
                f"Job {self._job.job_id} has no result {name!r}. It has: {have}.", code=404, url=self._job.url
            )
        with self._lock:
            turn = self._fetching.setdefault(spelled, threading.Lock())
        left_s = budget.left_s
        if not turn.acquire(timeout=-1 if left_s is None else left_s):
            raise WaitTimeout(
                f"The result {spelled!r} of job {self._job.job_id} is still being fetched; ask again to go on waiting.",
                job=self._job,
                waited_s=deadline_s or 0.0,
            )
        try:
            if (spelled, *key) in self._values:
                return self._values[spelled, *key]
            try:
                value = self._fetch(spelled, paths[spelled], budget, chosen)
            except SpatialWidgetsError as error:
                advise(error, name=spelled, job_url=self._job.url)
                raise
            if not chosen.allow_truncated:  # what may be cut short is not kept as the result
                self._values[spelled, *key] = value
            return value
        finally:
            turn.release()

    def abandon(self, name: str) -> None:
        """Let the next reading of a value begin at once, though a fetch that was given up may not have noticed yet."""
        with self._lock:
            self._fetching.pop(name, None)

    def drop(self) -> None:
        """Forget the values held, to free memory; the next reading fetches again."""
        self._values.clear()

    def names(self, *, deadline_s: float | None = None) -> list[str]:
        """Return the names; costs a request only where the job's links are missing, of at most ``deadline_s``."""
        return list(self._paths(Budget(self._job.session.clock, deadline_s)))

    def _paths(self, budget: Budget | None = None) -> dict[str, str]:
        info = self._job.info
        if not info.status.is_success:
            return {}
        if info.results:
            return dict(info.results)
        # Some servers leave the links out; the task's description names the outputs.
        task = self._job.task.info(deadline_s=budget.left_s if budget else None)
        return {p.name: f"results/{p.name}" for p in task.outputs}

    def _fetch(self, name: str, path: str, budget: Budget, options: LayerOptions) -> Any:
        job = self._job
        # A path made of the name must be encoded; one that the server wrote is taken as it is.
        url = (
            join(job.url, "results", name)
            if path == f"results/{name}"
            else _address(job.url + "/", path, f"The result {name!r} of job {job.job_id}")
        )
        value = _ResultReader(job.session, url, name, options).read(budget)
        bound = self._bind(value, url, budget, options)
        if isinstance(bound, pd.DataFrame):
            bound.attrs["spatial_widgets"] = {
                "job": job.url,
                "task": job.task.name,
                "parameter": name,
                "received_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            }
        return bound

    def _bind(self, value: Any, url: str, budget: Budget, options: LayerOptions) -> Any:
        """Follow a reference to a layer, and give one to a file the session that can read it."""
        if isinstance(value, list):
            return [self._bind(item, url, budget, options) for item in value]
        if not isinstance(value, FileReference):
            return value
        target = _address(url, value.url, f"The result at {url}")
        is_layer = _LAYER_URL.search(target.split("?", 1)[0]) is not None
        session = self._job.session.toward(
            target, token=value.token if is_layer else "", deadline_s=budget.left_s
        )
        if is_layer:
            workers = Loads(Poller.shared(), origin(target))
            return LayerReader(session, target, workers, options=options).read(deadline_s=budget.left_s)
        return ResultFile(target, format=value.format, session=session)


class _ResultReader:
    """One result over the wire: a layer is read while it arrives, anything else when it is whole."""

    def __init__(self, session: GPSession, url: str, name: str, options: LayerOptions) -> None:
        self._session = session
        self._url = url
        self._name = name
        self._options = options
        self._text: LayerText | None = None

    def read(self, budget: Budget) -> Any:
        document = self._document(budget, self._digest)
        if self._text is not None and self._text.found:
            try:
                return self._text.frame(document, url=self._url)
            except ToldTooLate:  # fields or dimensions after the features: read once more, and whole
                document = self._document(budget, None)
        return decode_value(
            str(document.get("dataType") or ""),
            document["value"],
            path=self._name,
            url=self._url,
            **self._options.to_dict(),
        )

    def _digest(self, pieces: Iterator[bytes]) -> bytes:
        self._text = LayerText(
            pieces, self._options, inside=("value",), path=self._name, clean=self._session.mask_bytes
        )
        return self._text.read()

    def _document(self, budget: Budget, digest: Callable[[Iterator[bytes]], bytes] | None) -> dict[str, Any]:
        document = self._session.get_json(
            self._url,
            {"returnType": "data"},
            deadline_s=budget.left_s,
            attempt_s=None,
            max_bytes=None,
            digest=digest,
        )
        if not isinstance(document, dict) or "value" not in document:
            raise ProtocolError(
                f"GET {self._url}: the reply is no result, it has no value.",
                url=self._url,
                excerpt=repr(document),
            )
        return document


def _address(base: str, reference: str, what: str) -> str:
    try:
        return resolve(base, reference)
    except ValueError as error:
        raise ProtocolError(f"{what}: its address is none: {error}.", url=base) from error


def _spelling(name: str, paths: Mapping[str, str]) -> str | None:
    if name in paths:
        return name
    return next((known for known in paths if known.casefold() == name.casefold()), None)
