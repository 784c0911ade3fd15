"""Every state that a widget of a job can be seen in, each made by a real :class:`JobWidget` of a scripted job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fakes import POINT_LAYER, ScriptedApp, error, message

from spatial_widgets.client import Poller
from spatial_widgets.client.policy import ContactPolicy
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets.job import JobWidget
from spatial_widgets.widgets.jobrow import JobRow
from spatial_widgets.widgets.phrases import say

LONG = "AVeryLongNameOfATaskThatNobodyWouldEverChooseButThatAServiceMayHaveAllTheSame_2026_final_v2"
LOG = [
    message("Submitted."),
    message("Executing…"),
    message("Start Time: Monday, November 30, 2026 9:00:00 AM"),
    message("3 features have no geometry and are left out.", "Warning"),
    message("Counted 1,707 points in 412 cells."),
]
ERRORS = [
    *LOG,
    message("ERROR 000732: Input layer: Dataset <b>quakes</b> does not exist or is not supported", "Error"),
    message("Failed to execute (FindHotSpots).", "Error"),
]


@dataclass
class State:
    """What a browser has of a widget: its traits, what the kernel told, and whether there is a kernel still."""

    traits: dict[str, Any]
    messages: list[Any] = field(default_factory=list)
    has_kernel: bool = True


class Recorded(JobWidget):
    """A widget whose messages are kept."""

    def __init__(self, job: Any, **options: Any) -> None:
        self.told: list[Any] = []
        super().__init__(job, **options)

    def send(self, content: Any, buffers: Any = None) -> None:
        del buffers
        self.told.append(content)


def of(widget: JobWidget, *, at_s: float = 83.4, has_kernel: bool = True, **changes: Any) -> State:
    """Return what a browser has of a widget, as if its job were submitted ``at_s`` ago."""
    synced = {name for name, trait in JobWidget.class_own_traits().items() if trait.metadata.get("sync")}
    traits = {name: value for name, value in widget.get_state().items() if name in synced}
    now = time.time()
    words = [word for word, _ in traits["moments"]]
    traits["moments"] = [[word, now - at_s * (1 - n / len(words))] for n, word in enumerate(words)]
    if traits["ended_at"] is not None:
        traits["ended_at"] = traits["moments"][-1][1]
    return State(traits | changes, [*widget.told, {"kind": "now", "now": now}], has_kernel)


@contextmanager
def widget_of(
    polls: list[Any], *, results: Any = None, task: str = "FindHotSpots", **options: Any
) -> Iterator[Recorded]:
    """A widget of a job that was polled until its script has ended, closed afterwards."""
    contact = options.pop("contact", None)
    app = ScriptedApp(polls, results=results)
    app.task = {**app.task, "name": task}
    job = app.service().task(task).submit(inputLayer=POINT_LAYER)
    job.poll_interval = 0.01
    if contact:
        job.contact_policy = contact
    widget = Recorded(job, **options)
    try:
        for _ in range(1 if contact else len(polls)):
            widget.refresh()
        settle(widget, contact)
        yield widget
    finally:
        widget.close()


def settle(widget: Recorded, contact: Any) -> None:
    """Wait until nothing more is to come: the results are here, or contact is lost."""
    done = threading.Event()

    def look(_change: Any = None) -> None:
        waits_for_results = widget.job.done() and widget.job.status.is_success
        if widget.lost if contact else not waits_for_results or widget.results_ready or widget.error:
            done.set()

    widget.observe(look, ["lost", "results_ready", "error", "job_status"])
    look()
    assert done.wait(20), f"{widget!r} does not come to rest"
    widget.unobserve_all()
    while widget._log.has_news:  # at once what would come at the pace of a widget
        Poller.shared().call(widget._outbox.flush)
        Poller.shared().settle(widget._watch, 10)


def poll(
    status: str,
    messages: list[Any] = (),
    *,
    percent: float | None = None,
    text: str = "",
    results: Any = None,
) -> dict[str, Any]:
    """Return one answer of a service."""
    document = {"jobId": "j0123456789abcdef0123456789abcdef", "jobStatus": status, "messages": list(messages)}
    if percent is not None:
        document["progress"] = {"type": "percentage", "message": text, "percent": percent}
    names = (results or {"bufferLayer": None}) if status == "esriJobSucceeded" else {}
    return document | (
        {"results": {name: {"paramUrl": f"results/{name}"} for name in names}} if names else {}
    )


def layer(kind: str, features: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a feature set."""
    return {
        "geometryType": kind,
        "spatialReference": {"wkid": 4326},
        "fields": [
            {"name": "Join_Count", "type": "esriFieldTypeInteger"},
            {"name": "Gi_Bin", "type": "esriFieldTypeDouble"},
            {"name": "name", "type": "esriFieldTypeString", "length": 200},
        ],
        "features": features,
    }


def attributes(n: int) -> dict[str, Any]:
    """Return the attributes of a feature."""
    return {"Join_Count": n, "Gi_Bin": n / 3 if n % 5 else None, "name": f"<i>cell</i> {n}"}


POINTS = layer("esriGeometryPoint", [
    {"attributes": attributes(n), "geometry": {"x": -170 + (n * 37) % 340, "y": -60 + (n * 23) % 120}} for n in range(200)
])  # fmt: skip
POLYGONS = layer("esriGeometryPolygon", [
    {"attributes": attributes(n), "geometry": {"rings": [[[x, y], [x, y + 9], [x + 9, y + 9], [x + 9, y], [x, y]]]}}
    for n, (x, y) in enumerate((x, y) for x in range(-120, 120, 10) for y in range(-50, 50, 10))
])  # fmt: skip
TABLE = {
    "fields": POINTS["fields"],
    "features": [{"attributes": attributes(n)} for n in range(30)],
}


def statuses() -> Iterator[tuple[str, State]]:
    """Each status, as a job has it when nothing else is to be said."""
    for status in JobStatus:
        if not status.is_success:
            with widget_of([poll(status.value, LOG)]) as widget:
                yield status.value.removeprefix("esriJob"), of(widget)
    with widget_of([poll("esriJobPaused", LOG)]) as widget:
        yield "an unknown status", of(widget)


def results() -> Iterator[tuple[str, State]]:
    """Jobs that succeeded."""
    cases: dict[str, dict[str, Any]] = {
        "points": {"hotSpotsResultLayer": POINTS},
        "polygons": {"aggregatedLayer": POLYGONS},
        "a table": {"summary": TABLE},
        "several results": {
            "aggregatedLayer": POLYGONS, "groupSummary": TABLE, "count": 1707, "text": "Hot & <cold>", "nothing": "",
        },
    }  # fmt: skip
    for name, values in cases.items():
        with widget_of(
            [poll("esriJobSucceeded", LOG, percent=100, results=values)], results=values
        ) as widget:
            yield f"succeeded with {name}", of(widget)
    cut = {"whole": POINTS, "cut": {**TABLE, "exceededTransferLimit": True}}
    with widget_of([poll("esriJobSucceeded", LOG, results=cut)], results=cut) as widget:
        yield "a result that cannot be loaded", of(widget)
        yield "loading", of(
            widget, error="", summary=[], result_total=0, results_ready=False,
            loading={"state": "running", "text": say("loading.figures", name="cut", figures="12.3 MB, 45,000 rows")},
        )  # fmt: skip
        yield (
            "loading was stopped",
            of(
                widget,
                error="",
                results_ready=False,
                loading={"state": "stopped", "text": say("loading.stopped")},
            ),
        )
        yield "the kernel was lost while loading", of(
            widget, error="", summary=[], result_total=0, results_ready=False, has_kernel=False,
            loading={"state": "running", "text": say("loading.name", name="cut")},
        )  # fmt: skip


def troubles() -> Iterator[tuple[str, State]]:
    """Progress, errors, contact, and things too long."""
    with widget_of(
        [poll("esriJobWaiting", [message("3 jobs are before this one.")], percent=0, text="Waiting in line")]
    ) as widget:
        yield "waiting with progress", of(widget)
    with widget_of([poll("esriJobExecuting", LOG, percent=42, text="Counting points in cells")]) as widget:
        yield "executing with progress", of(widget)
    with widget_of(
        [poll("esriJobExecuting", LOG, percent=7), poll("esriJobFailed", ERRORS)], show_requests=True
    ) as widget:
        yield "with its requests", of(widget)
    with widget_of([poll("esriJobExecuting", LOG, percent=42, text="Counting points in cells")]) as widget:
        yield "the kernel was lost", of(widget, has_kernel=False)
    with widget_of([poll("esriJobFailed", ERRORS)]) as widget:
        yield "failed with errors", of(widget)
    tall = [message(f"ERROR 00{n:04d}: row {n} is wrong in column {'x' * 60}", "Error") for n in range(40)]
    with widget_of([poll("esriJobFailed", [*LOG, *tall])]) as widget:
        yield "failed with long errors", of(widget)
    contact = ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02, lost_s=30, lost_max_s=30)
    with widget_of(
        [poll("esriJobExecuting", LOG), error(503, "down for maintenance")], contact=contact
    ) as widget:
        yield "contact was lost", of(widget)
    tables = {f"table{n:02d}": TABLE for n in range(40)}
    chatty = [message(f"Row {n} was read, and this is what is to be said of it. " * 5) for n in range(80)]
    with widget_of([poll("esriJobSucceeded", chatty, results=tables)], results=tables) as widget:
        widget.told.clear()
        yield "more than a saved page holds", of(widget, has_kernel=False)
    many = [
        message(f"Row {n:,} of 50,000 was read", "Warning" if n % 97 == 0 else "Informative")
        for n in range(50_000)
    ]
    with widget_of([poll("esriJobExecuting", many, percent=99.9)]) as widget:
        widget._apply(message_tail=widget._log.tail())
        widget.told.clear()  # as after the page was loaded anew: the last lines, and the number of all of them
        yield "50,000 messages", of(widget, at_s=7384)
    wide = [
        message("word " * 200),
        message("/a/path/without/a/space" * 30, "Warning"),
        message("unbroken" * 60, "Error"),
    ]
    values = {
        f"result_{'of_a_name_without_end_' * 4}{n}": {
            **POINTS,
            "fields": [*POINTS["fields"], {"name": "a" * 80, "type": "esriFieldTypeInteger"}],
        }
        for n in range(2)
    }
    with widget_of(
        [poll("esriJobSucceeded", wide, percent=100, text="step " * 40, results=values)],
        results=values,
        task=LONG,
    ) as widget:
        yield "long names", of(widget)


def all_states() -> dict[str, State]:
    """Return every state by its name."""
    return {name: state for group in (statuses, results, troubles) for name, state in group()}


def table_rows() -> list[dict[str, Any]]:
    """Return the rows of a table of jobs, of every kind there is, as they travel."""
    rows = [
        JobRow(
            key=number,
            task="<b>Slow</b>" if number == 0 else "FindHotSpots",
            id=f"j{number:07d}",
            url=f"https://gp.test/jobs/j{number:07d}",
            status=status.value,
            word=status.label.lower(),
            progress=float(number * 9) if number < 11 else None,
            submitted=1.7e9,
            ended=1.7e9 + 90 if status.is_terminal else None,
            message="Counted 1,707 points in 412 cells, which took a while and is said at some length.",
            note=say("table.failing") if number == 3 else "",
            retry=status.is_terminal and not status.is_success,
        )
        for number, status in enumerate(JobStatus)
    ]
    held = [replace(rows[3], key=len(rows) + n, id=f"h{n}", word=word, hold=hold) for n, (word, hold) in enumerate(
        ((say("table.word.lost"), "lost contact"), ("as last seen", "as last seen"))
    )]  # fmt: skip
    return [row.to_json() for row in [*rows, *held]]
