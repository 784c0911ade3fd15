"""What one case of an ending is, and the short ways to write the common ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from endings.server import TOKEN, status
from spatial_widgets import errors
from spatial_widgets.client.policy import ContactPolicy, PollPolicy

POLL = PollPolicy(fixed_s=0.02)
# Deadlines that a busy machine keeps; the short ones are for servers that never answer.
CONTACT = ContactPolicy(failures=2, silence_s=0.1, latest_s=60.0, first_s=0.04, max_s=0.1, deadline_s=15.0, failing_deadline_s=15.0)  # fmt: skip
HASTY = replace(CONTACT, deadline_s=0.6, failing_deadline_s=0.6)
EXECUTING, SUCCEEDED = "esriJobExecuting", "esriJobSucceeded"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way for a job, or for what is asked of it, to end.

    ``act`` is what is called: ``wait``, ``result``, ``cancel`` or ``submit``. ``raises`` is the very class of
    its error, ``ends`` the job's status then, and the widget's, ``says`` are words of the error. ``shows`` is
    a status that must be seen on the way, where the row is about that one. ``runs`` says whether the job
    may go on at the service. At most ``most`` requests of the kind in question are made. Trouble that is
    ``soft`` is forgiven if it passes.
    """

    name: str
    scripts: dict[str, Any] = field(default_factory=dict)
    act: str = "wait"
    raises: type[errors.SpatialWidgetsError] | None = None
    ends: str = SUCCEEDED
    shows: str = ""
    says: tuple[str, ...] = ()
    runs: bool = False
    soft: bool = False
    most: int = 3
    timeout: float | None = None
    start: str = "esriJobSubmitted"
    within_s: float = 20.0
    auth: Callable[[], Any] = lambda: TOKEN
    contact: ContactPolicy = CONTACT
    tls: bool = False
    names_hang: bool = False  # whether the name server says nothing
    sleeps: bool = False  # whether the wall clock is the server's to turn
    where: Callable[[Any], str] = lambda server: server.url  # the service's URL
    environment: Callable[[Any], dict[str, str]] = lambda server: {}
    elsewhere: tuple[Any, ...] = ()  # what a server of another origin answers
    check: Callable[[Any], object] = lambda run: None

    def passing(self) -> Case:
        """Return the same trouble, but once."""
        running, trouble = self.scripts["poll"]
        polls = running, trouble, status(SUCCEEDED)
        return replace(self, scripts={"poll": polls}, raises=None, ends=SUCCEEDED, check=lambda run: None)

    @property
    def states(self) -> str:
        """The status that the row is about."""
        return self.shows or self.ends


def goes_on(name, *polls, shows=EXECUTING, **more):
    """Return a case that ends well: nothing of this ends the watch."""
    more.setdefault("most", len(polls))
    more.setdefault("runs", bool(shows))
    return Case(name=name, scripts={"poll": polls}, shows=shows, **more)


def verdict(name, answer, word, raises, *says, **more):
    """Return a case in which the service says how the job ended."""
    return Case(name=name, scripts={"poll": (status(EXECUTING), answer)}, raises=raises, ends=word, says=says, most=2, **more)  # fmt: skip


def soft(name, answer, *says, **more):
    """Return a case of a poll that fails: forgiven if it passes, lost contact if it lasts."""
    more.setdefault("scripts", {"poll": (status(EXECUTING), answer)})
    more.setdefault("soft", True)
    return Case(name=name, raises=errors.JobLost, ends=EXECUTING, says=("may still run", "Job.from_url(", *says), runs=True, **more)  # fmt: skip


def hard(name, answer, raises, *says, most=3, **more):
    """Return a case of a poll that is refused, and refused again."""
    return Case(name=name, scripts={"poll": (status(EXECUTING), answer)}, raises=raises, ends=EXECUTING, says=("may still run", "Job.from_url(", *says), runs=True, most=most, **more)  # fmt: skip


def fetch(name, answer, raises, *says, most=1, **more):
    """Return a case of a job that succeeded and a result that does not come."""
    links = {"bufferLayer": {"paramUrl": "results/bufferLayer"}}
    more.setdefault("scripts", {"poll": (status(SUCCEEDED, results=links),), "result": (answer,)})
    return Case(name=name, act="result", raises=raises, says=("bufferLayer", *says), most=most, **more)
