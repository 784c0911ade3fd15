"""The tasks of a service, with their descriptions, to be searched."""

from __future__ import annotations

import html
import re
import weakref
from typing import TYPE_CHECKING, Any

import traitlets as t

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
)
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets._base import LiveWidget, module_text, packed
from spatial_widgets.widgets.fitting import cut, cut_to, fitting, weight, weight_in_html
from spatial_widgets.widgets.phrases import count, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import GPService

__all__ = ["TaskList", "show_service"]

_STEP = 8  # descriptions between two messages to the browser
_STATE_BYTES, _HTML_BYTES, _PLAIN_BYTES = 22_000, 12_000, 4000
_LENGTHS = (400, 200, 100, 0)  # bytes of a description, the more there are


def _sent(
    tasks: Sequence[dict[str, str]], _widget: Any = None, most: int = _STATE_BYTES
) -> list[dict[str, str]]:
    """Return tasks as they fit into a notebook's file: all of their names, with descriptions as long as there is room."""
    sent = list(tasks)
    for length in _LENGTHS:
        if weight(sent) <= most:
            break
        sent = [task | {"description": cut(task["description"], length) if length else ""} for task in tasks]
    return sent[: fitting(sent, most)]


class TaskList(LiveWidget):
    """What a :class:`GPService` shows at the end of a cell: its tasks by name and description, and a field to search them.

    Parameters
    ----------
    service : the service.

    Attributes
    ----------
    tasks : a dict for each task, in the service's order: ``name``, ``standing`` (for the tasks of Spatial Analysis at a local
        service: "local", "local, approximates" or "needs …"; else "") and ``description``, "" until it is known. A read-only trait.
    problem : why the tasks could not be listed, or not all described; "" when they were.

    Notes
    -----
    One GET for the service, where it was not read before, and one for the description of each task, on the request pool.
    """

    _esm = packed(module_text("tasklist.js", "base.css", "tasklist.css"))

    service_url = t.Unicode(read_only=True).tag(sync=True)
    tasks = t.List(t.Dict(), read_only=True).tag(sync=True, to_json=_sent)
    tasks_cut = t.Bool(default_value=False, read_only=True).tag(sync=True)  # a view asks for the rest
    problem = t.Unicode(read_only=True).tag(sync=True, to_json=cut_to(1000))

    def __init__(self, service: GPService, **traits: Any) -> None:
        self.service = service
        self._is_read = False
        super().__init__(**traits)
        self.on_msg(self._on_browser)
        self._apply(service_url=service.url)
        Poller.shared().submit(Errand(self._read, origin=origin(service.url), lasting=True))

    def _read(self) -> None:
        """Read the list, then what each task says of itself; on a thread of the request pool."""
        rows: list[dict[str, str]] = []
        problem = ""
        try:
            info = self.service.info()
            known = info.spatial_analysis
            rows = [{"name": n, "standing": known.get(n, ""), "description": ""} for n in info.tasks]
            self._show(rows)
            for number, row in enumerate(rows, 1):
                problem = self._describe(row) or problem
                if number % _STEP == 0:
                    self._show(rows)
        except SpatialWidgetsError as error:
            problem = str(error)
        self._show(rows, problem=problem, is_read=True)

    def _describe(self, row: dict[str, str]) -> str:
        """Ask what a task says of itself; return what is wrong with that task alone, "" where all is well."""
        try:
            row["description"] = self.service.task(row["name"]).info().description
        except AuthenticationError:
            raise
        except (ParameterError, ProtocolError, ServiceError) as error:
            return str(error)
        return ""

    def _show(self, rows: list[dict[str, str]], *, problem: str = "", is_read: bool = False) -> None:
        tasks = [dict(row) for row in rows]
        Poller.shared().call(lambda: self._written(tasks, problem, is_read=is_read))

    def _written(self, tasks: list[dict[str, str]], problem: str, *, is_read: bool) -> None:
        self._is_read = is_read
        self._apply(tasks_cut=_sent(tasks) != tasks, tasks=tasks, problem=problem)
        self._update_saved_output()

    def _on_browser(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and content.get("kind") == "tasks":
            self.send({"kind": "tasks", "tasks": self.tasks})

    # ------------------------------------------------------------ saved pages

    def _is_at_rest(self) -> bool:
        return self._is_read

    def _plain_text(self) -> str:
        lines = [say("tasks.title", url=self.service_url, tasks=count("task", len(self.tasks)))]
        names = [f"  {row['name']}{_aside(row)}" for row in self.tasks]
        shown = names[: fitting(names, _PLAIN_BYTES)]
        left = len(names) - len(shown)
        lines += [*shown, *([f"  {say('table.more', n=f'{left:,}')}"] if left else [])]
        return "\n".join([*lines, *([cut(self.problem, 1000)] if self.problem else [])])

    def _html_text(self) -> str:
        e = html.escape
        title = e(say("tasks.title", url=self.service_url, tasks=count("task", len(self.tasks))))
        told = [
            f"<li><strong>{e(row['name'])}</strong>{e(_aside(row))}<br>{e(row['description'])}</li>"
            for row in _sent(list(map(_in_short, self.tasks)), most=_HTML_BYTES // 2)
        ]
        told = told[: fitting(told, _HTML_BYTES)]
        left = len(self.tasks) - len(told)
        items = "".join([*told, *([f"<li>{e(say('table.more', n=f'{left:,}'))}</li>"] if left else [])])
        problem = f"<p>{e(cut(self.problem, 1000, weigh=weight_in_html))}</p>" if self.problem else ""
        return f"<div><p>{title}</p>{problem}<ul>{items}</ul></div>"


def _in_short(row: dict[str, str]) -> dict[str, str]:
    """Return a task with the first sentence of its description: a page that is only read is no handbook."""
    return row | {"description": re.split(r"(?<=\.)\s", row["description"], maxsplit=1)[0]}


def _aside(row: dict[str, str]) -> str:
    return f" ({row['standing']})" if row["standing"] else ""


_shown: weakref.WeakKeyDictionary[GPService, TaskList] = weakref.WeakKeyDictionary()


def show_service(service: GPService) -> TaskList:
    """Return the list of a service's tasks: the one it has, or a new one."""
    found = _shown.get(service)
    if found is None:
        found = _shown[service] = TaskList(service)
    return found
