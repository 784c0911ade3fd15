"""Misbehaving on purpose, for teaching and testing: which request meets which fault. Pure: no I/O, no clock.

The same seed gives the same faults, counted for each kind of request. Nothing that was accepted is lost:
jobs and results stay in the store, a cancel and an upload always go through, and ``/health`` is always true.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol.spelling import did_you_mean

__all__ = [
    "MODES",
    "Decider",
    "Fate",
    "Faults",
    "FaultsWish",
    "Graveyard",
    "Instead",
    "job_in",
    "kind_of",
    "truncated",
]

#: Each mode: the share of requests it strikes unless told otherwise, and what a client then meets.
MODES: Mapping[str, tuple[float, str]] = {
    "flaky": (0.2, "an HTTP 500, a gateway's HTML page, an empty answer or a reset connection, now and then"),
    "slow": (1.0, "every answer late, and in drips"),
    "expiring-token": (1.0, "tokens that expire soon (498); generateToken makes new ones"),
    "lost-answers": (0.5, "a submit that is accepted, its answer cut off"),
    "truncated": (1.0, "results without rows, and exceededTransferLimit"),
    "html": (0.25, "a web page with HTTP 200 instead of JSON"),
    "purged": (1.0, "jobs that vanish soon after they ended"),
    "throttled": (0.3, "HTTP 429 with Retry-After"),
    "silent": (0.2, "no word for a while after the request was taken"),
}
Instead = Literal["", "500", "502", "empty", "reset", "page", "429"]
FaultsWish = str | Iterable[str] | Mapping[str, float] | None

_READS = {"description", "job", "result"}
_INSTEAD = ("throttled", "html", "flaky")
_FLAKY: tuple[Instead, ...] = ("500", "502", "empty", "reset")
_MOST_IN_A_ROW = 2
_JOB = re.compile(r"/jobs/(j[0-9a-f]{32})(?:/|$)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Faults:
    """How a service misbehaves.

    Attributes
    ----------
    rates : the modes, each with the share of the requests in its reach that it strikes, over 0 to 1.
    seed : another seed, other requests.
    delay_s, drip_s : slow: time before an answer begins, and time until its last byte.
    silence_s : silent: time without a word.
    retry_after_s : throttled: what Retry-After says.
    token_s, token_requests : expiring-token: how long, and for how many requests, a token is good.
    purge_s : purged: time from the first answer that tells a job's end until the job is gone.
    """

    rates: Mapping[str, float]
    seed: int = 0
    delay_s: float = 1.0
    drip_s: float = 1.0
    silence_s: float = 5.0
    retry_after_s: int = 1
    token_s: float = 60.0
    token_requests: int = 20
    purge_s: float = 5.0

    def __post_init__(self) -> None:
        for name in (
            "delay_s",
            "drip_s",
            "silence_s",
            "retry_after_s",
            "token_s",
            "token_requests",
            "purge_s",
        ):
            if not getattr(self, name) >= 0:
                raise _refused(name, f"{name} is a number from 0 up, got {getattr(self, name)!r}.")

    @classmethod
    def of(cls, wish: FaultsWish) -> Self | None:
        """Return the faults for a mode, several, a text such as ``"flaky=0.5,slow,seed=7"``, or a mapping; None for none.

        Raises
        ------
        ParameterError : there is no such mode or number.
        """
        if wish is None:
            return None
        if isinstance(wish, str):
            wish = [part.strip() for part in wish.split(",") if part.strip()]
        given = dict(wish.items() if isinstance(wish, Mapping) else map(_pair, wish))
        numbers = {f.name: f.default for f in fields(cls) if f.name != "rates"}
        rates: dict[str, float] = {}
        settings: dict[str, Any] = {}
        for name, value in given.items():
            if name in MODES:
                rates[name] = _rate(name, value)
            elif name in numbers and value is not None:
                settings[name] = _number(name, value, type(numbers[name]))
            else:
                known = ", ".join(MODES)
                hint = did_you_mean(str(name), [*MODES, *numbers])
                raise _refused(str(name), f"there is no {name!r}.{hint} The modes are {known}.")
        rates = {mode: rates[mode] for mode in MODES if rates.get(mode)}
        if not rates:
            raise _refused("", f"name at least one mode: {', '.join(MODES)}.")
        return cls(rates, **settings)

    def to_json(self) -> dict[str, float]:
        """Return rates and numbers by name; :meth:`of` reads it."""
        return {**self.rates} | {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rates"}

    def __str__(self) -> str:
        told = [f"{mode} ({rate:.0%}: {MODES[mode][1]})" for mode, rate in self.rates.items()]
        return f"{'; '.join(told)}; seed {self.seed}"


def _pair(part: object) -> tuple[str, Any]:
    name, equals, value = str(part).partition("=")
    return name.strip(), value.strip() if equals else None


def _rate(mode: str, value: Any) -> float:
    if value is None or value is True:
        return MODES[mode][0]
    rate: float = _number(mode, value, float)
    if not 0 <= rate <= 1:
        raise _refused(mode, f"{mode} is a share from 0 to 1, got {value!r}.")
    return rate


def _number(name: str, value: Any, kind: type) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise _refused(name, f"{name} is a number, got {value!r}.") from error


def _refused(name: str, reason: str) -> ParameterError:
    return ParameterError(f"faults: {reason}", parameter=name or "faults")


# ---------------------------------------------------------------- what happens to one request


def kind_of(path: str) -> str:
    """Return the kind of a request: health, token, description, submit, job, cancel, result, upload or other."""
    words = [word for word in path.casefold().split("/") if word]
    if words == ["health"]:
        return "health"
    if words[:2] == ["arcgis", "tokens"] or words == ["arcgis", "rest", "info"]:
        return "token"
    if "gpserver" not in words:
        return "other"
    below = words[words.index("gpserver") + 1 :]
    match below:
        case ["uploads", *_]:
            return "upload"
        case [] | [_]:
            return "description"
        case [_, "submitjob" | "execute"]:
            return "submit"
        case [_, "jobs", _]:
            return "job"
        case [_, "jobs", _, "cancel"]:
            return "cancel"
        case [_, "jobs", _, "results", *_]:
            return "result"
    return "other"


def job_in(path: str) -> str | None:
    """Return the ID of the job that a path speaks of, or None."""
    found = _JOB.search(path)
    return found[1].lower() if found else None


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request.

    ``instead`` is what the client gets while the service never hears of the request; ``wait_s`` and ``drip_s`` slow
    the answer down, ``cut`` breaks it off, ``truncate`` takes the rows out of it.
    """

    instead: Instead = ""
    wait_s: float = 0.0
    drip_s: float = 0.0
    cut: bool = False
    truncate: bool = False

    def __str__(self) -> str:
        parts = [f"{self.instead} instead of an answer"] if self.instead else []
        parts += [f"{self.wait_s:g} s of silence"] if self.wait_s else []
        parts += [f"an answer in drips over {self.drip_s:g} s"] if self.drip_s else []
        parts += ["the answer cut off"] if self.cut else []
        parts += ["the rows taken out"] if self.truncate else []
        return ", ".join(parts)


@dataclass
class Decider:
    """Decides over requests in the order in which they come; from any thread."""

    faults: Faults
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _in_a_row: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fate(self, kind: str) -> Fate:
        """Return what happens to the next request of a kind."""
        if kind not in {*_READS, "submit", "cancel", "other"}:
            return Fate()
        faults = self.faults
        with self._lock:
            is_struck = kind in _READS or kind == "submit"
            instead = self._instead(kind) if is_struck else ""
            slow = self._strikes("slow", kind)
            silent = is_struck and self._strikes("silent", kind)
            return Fate(
                instead,
                (faults.delay_s if slow else 0.0) + (faults.silence_s if silent else 0.0),
                faults.drip_s if slow and not instead else 0.0,
                kind == "submit" and not instead and self._strikes("lost-answers", kind),
                kind == "result" and not instead and self._strikes("truncated", kind),
            )

    def _instead(self, kind: str) -> Instead:
        # One after the other, so that several modes together still let every third request through.
        struck: Instead = ""
        rates = [self.faults.rates.get(mode, 0.0) for mode in _INSTEAD]
        mode = next((mode for mode in _INSTEAD if self._draws(mode, kind)), None)
        if mode is not None and (max(rates) >= 1 or self._in_a_row["instead", kind] < _MOST_IN_A_ROW):
            struck = {"throttled": "429", "html": "page"}.get(mode) or self._dice(mode, kind).choice(_FLAKY)  # type: ignore[assignment]
        self._in_a_row["instead", kind] = self._in_a_row["instead", kind] + 1 if struck else 0
        return struck

    def _strikes(self, mode: str, kind: str) -> bool:
        """Draw for a mode; at most twice in a row, unless it is to strike always."""
        rate = self.faults.rates.get(mode, 0.0)
        struck = self._draws(mode, kind) and (rate >= 1 or self._in_a_row[mode, kind] < _MOST_IN_A_ROW)
        self._in_a_row[mode, kind] = self._in_a_row[mode, kind] + 1 if struck else 0
        return struck

    def _draws(self, mode: str, kind: str) -> bool:
        self._asked[mode, kind] += 1
        return self._dice(mode, kind).random() < self.faults.rates.get(mode, 0.0)

    def _dice(self, mode: str, kind: str) -> random.Random:
        return random.Random(f"{self.faults.seed}/{mode}/{kind}/{self._asked[mode, kind]}")


@dataclass
class Graveyard:
    """The jobs that clients are told are gone: ``purge_s`` after they were first told of their end."""

    purge_s: float
    _told: dict[str, float] = field(default_factory=dict)

    def tell(self, job_id: str, now: float) -> None:
        """Note that a client was told of a job's end."""
        self._told.setdefault(job_id, now)

    def holds(self, job_id: str, now: float) -> bool:
        """Whether a job is gone."""
        told = self._told.get(job_id)
        return told is not None and now - told >= self.purge_s


def truncated(document: Any) -> Any:
    """Return a result, or a list of them, as a service gives it that has more rows than it gives out.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
    """
    if isinstance(document, list):
        return [truncated(one) for one in document]
    if not isinstance(document, dict):
        return document
    if isinstance(document.get("features"), list):
        return {**document, "features": [], "exceededTransferLimit": True}
    return {
        key: truncated(inner) if key in {"value", "featureSet"} else inner for key, inner in document.items()
    }
