"""A form that a task's own description makes."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

import traitlets as t

from spatial_widgets.client import GPTask, Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.pasting import call_code
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets import formsaved
from spatial_widgets.widgets._base import LiveWidget, module_text, packed
from spatial_widgets.widgets.crssearch import found_references
from spatial_widgets.widgets.formentry import given_of, is_left_out, without_secrets
from spatial_widgets.widgets.formfield import fields_of
from spatial_widgets.widgets.formorigins import NotebookOrigins
from spatial_widgets.widgets.formvalues import EntryError, Given
from spatial_widgets.widgets.job import show_job
from spatial_widgets.widgets.phrases import say
from spatial_widgets.widgets.uploading import Uploading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client import Job

__all__ = ["TaskForm", "show_form"]

logger = logging.getLogger(__name__)


class TaskForm(LiveWidget):
    """The inputs of a task as a form, made from the task's own description; a submitted job is shown below it.

    Parameters
    ----------
    task : of any GPServer.
    namespace : name to value, where layers and tables are offered from; None offers the notebook's own variables.

    Attributes
    ----------
    task : the task.
    jobs : the jobs that were submitted from here, a tuple in their order.

    Notes
    -----
    Making one costs the request of ``task.info()``. What stands at its default, or is empty, is left out, so that the
    service takes its own default: ``form.submit()`` sends what ``task.submit(**form.parameters)`` sends. A reader's entries
    are checked in Python before anything is sent, with the codec that writes the call's request.
    Files that are uploaded into the form lie in a folder of their own until the form is closed.

    Examples
    --------
    >>> form = sw.TaskForm(service.task("CreateBuffers"))
    >>> form.parameters
    {'inputLayer': None, 'distances': None, ...}
    """

    _esm = packed(module_text("form.js", "base.css", "form.css"))

    task_name = t.Unicode("", read_only=True).tag(sync=True)
    title = t.Unicode("", read_only=True).tag(sync=True)
    about = t.Unicode("", read_only=True).tag(sync=True)
    docs = t.Unicode("", read_only=True).tag(sync=True)
    fields = t.List(t.Dict(), read_only=True).tag(sync=True)
    entries = t.Dict(read_only=True).tag(sync=True)  # of the fields that were touched
    told = t.Dict(read_only=True).tag(sync=True)
    columns = t.Dict(read_only=True).tag(sync=True)
    call = t.Unicode("", read_only=True).tag(sync=True)
    problem = t.Unicode("", read_only=True).tag(sync=True)
    is_busy = t.Bool(default_value=False, read_only=True).tag(sync=True)
    tries = t.Int(0, read_only=True).tag(sync=True)  # how many submits of views have ended
    can_submit = t.Bool(default_value=True, read_only=True).tag(sync=True)
    job_url = t.Unicode("", read_only=True).tag(sync=True)
    job_widget = t.Unicode("", read_only=True).tag(sync=True)

    def __init__(self, task: GPTask, *, namespace: Mapping[str, Any] | None = None, **traits: Any) -> None:
        if not isinstance(task, GPTask):
            raise TypeError(f"TaskForm takes a GPTask, got {type(task).__name__}; see GPService.task.")
        self.task = task
        info = task.info()
        self._info = info
        self._fields = {field.name: field for field in fields_of(info)}
        self._origins = NotebookOrigins(namespace)
        self._lock = threading.RLock()  # of what follows; views speak on threads of their own
        self._entries: dict[str, Any] = {}
        self._told: dict[str, str] = {}
        self._problem = info.refusal or (say("form.synchronous") if info.is_synchronous else "")
        self._is_busy = self._is_closed = False
        self._tries = 0
        self._jobs: tuple[Job, ...] = ()
        self._uploading = Uploading(self._answer)
        help_url = info.help_url
        self._apply(
            task_name=task.name,
            title=info.display_name or task.name,
            about=info.description,
            docs=help_url if help_url.casefold().startswith(("http://", "https://")) else "",
            fields=[field.to_json() for field in self._fields.values()],
            can_submit=not info.is_synchronous,
            **self._state(),
        )
        super().__init__(**traits)
        self.on_msg(self._on_browser)

    def __repr__(self) -> str:
        return f"<TaskForm of {self.task.name}: {len(self._fields)} inputs>"

    # ------------------------------------------------------------ what stands in it

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that were submitted from here, in their order."""
        return self._jobs

    @property
    def parameters(self) -> dict[str, Any]:
        """Each input's value as a call takes it, None where it is left to the service, or is wrong (see ``errors``)."""
        made, _ = self._read()
        return {name: made[name].value if name in made else None for name in self._fields}

    @property
    def errors(self) -> dict[str, str]:
        """Input to what is wrong with its value, in words; empty when the form can be submitted."""
        return self._read()[1]

    def code(self) -> str:
        """Return the call as a Python program: imports, service, call. No token and no hidden text is in it: it asks.

        Inputs whose value is missing or wrong are left out, and told in a comment. A frame of the notebook is named by its
        variable, so that such a program runs in this notebook.
        """
        made, errors = self._read()
        return self._code(made, errors)

    def submit(self) -> Job:
        """Submit a job with what stands in the form, show it below, and return it; as :meth:`GPTask.submit`.

        Raises
        ------
        ParameterError : a value is missing or wrong; it is told beside the field as well. Nothing was sent.
        As :meth:`GPTask.submit`.
        """
        made, errors = self._read()
        if errors:
            self._tell(errors)
            first = next(iter(errors))
            told = "; ".join(f"{name}: {words}" for name, words in errors.items())
            raise ParameterError(f"{self.task.name}: {told} Nothing was sent.", parameter=first)
        job = self.task.submit({name: given.value for name, given in made.items()})
        self._take(job)
        return job

    def close(self) -> None:
        """Take the form off every page, and let go of uploaded files; its jobs go on."""
        self._is_closed = True
        if hasattr(self, "_uploading"):
            self._uploading.close()
        super().close()

    # ------------------------------------------------------------ reading

    def _read(self, *, check: bool = True) -> tuple[dict[str, Given], dict[str, str]]:
        """Return what is to be sent, and what is wrong, by input; without ``check`` what the codec says is not asked."""
        with self._lock:
            entries = dict(self._entries)
        made: dict[str, Given] = {}
        errors: dict[str, str] = {}
        for name, field in self._fields.items():
            try:
                given = given_of(field, entries.get(name, field.start), self._origins, check=check)
            except EntryError as error:
                errors[name] = str(error)
            else:
                if given is not None:
                    made[name] = given
        return made, errors

    def _code(self, made: Mapping[str, Given], errors: Mapping[str, str]) -> str:
        return call_code(
            self.task,
            {name: given.code for name, given in made.items()},
            needs={line for given in made.values() for line in given.needs},
            remarks=[say("form.remark", name=name, problem=words) for name, words in errors.items()],
        )

    # ------------------------------------------------------------ showing: traits are written on the poller's thread

    def _state(self) -> dict[str, Any]:
        with self._lock:
            made, missing = self._read(check=False)
            right = {name: given for name, given in made.items() if name not in self._told}
            last = self._jobs[-1] if self._jobs else None
            widget = show_job(last) if last is not None else None
            layers = {name: self._origins.columns(entry) for name, entry in self._entries.items()}
            return {
                "entries": {
                    name: without_secrets(self._fields[name], entry) for name, entry in self._entries.items()
                },
                "told": dict(self._told),
                "columns": {name: columns for name, columns in layers.items() if columns},
                "call": self._code(right, missing | self._told),
                "problem": self._problem,
                "is_busy": self._is_busy,
                "tries": self._tries,
                "job_url": last.url if last is not None else "",
                "job_widget": widget.model_id if widget is not None and widget.comm is not None else "",
            }

    def _show(self) -> None:
        """Have the views show how things stand."""

        def apply(state: dict[str, Any]) -> None:
            if not self._is_closed:
                self._apply(**state)

        with self._lock:  # what came later is shown later
            Poller.shared().call(functools.partial(apply, self._state()))

    def _tell(self, errors: Mapping[str, str]) -> None:
        with self._lock:
            self._told = dict(errors)
            name = "form.errors.one" if len(errors) == 1 else "form.errors.other"
            self._problem = say(name, n=len(errors)) if errors else ""
        self._show()

    def _take(self, job: Job) -> None:
        with self._lock:
            self._jobs = (*self._jobs, job)
            self._told, self._problem = {}, ""
        self._show()

    # ------------------------------------------------------------ what a view says

    def _on_browser(self, _widget: Any, content: Any, buffers: Any) -> None:
        """Answer a view: never with HTTP here, and never by writing a trait."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "offers":
            self.send({"kind": "offers", "offers": self._origins.offers()})
        elif kind == "search":
            text = str(content.get("text"))[:100]
            self.send({"kind": "found", "text": text, "items": found_references(text)})
        elif kind == "extent":
            found = self._origins.extent(content.get("from"), content.get("text"))
            self.send({"kind": "extent", "ticket": str(content.get("ticket"))[:40], "entry": found})
        elif kind == "file-part":
            self._uploading.take(content, buffers or [])
        elif kind == "edit":
            self._edit(content.get("name"), content.get("entry"))
        elif kind == "reset":
            with self._lock:
                self._entries, self._told, self._problem = {}, {}, self._info.refusal
            self._show()
        elif kind == "submit":
            self._submit_all(content.get("entries"))

    def _answer(self, message: dict[str, Any]) -> None:
        self.send(message)

    def _edit(self, name: Any, entry: Any) -> None:
        field = self._fields.get(name)
        if field is None:
            return
        with self._lock:
            self._entries[field.name] = entry
        try:
            given_of(field, entry, self._origins)
            words = ""
            if field.required and is_left_out(field, entry):
                words = say("form.required")
        except EntryError as error:
            words = str(error)
        with self._lock:
            self._told = {name: told for name, told in self._told.items() if name != field.name}
            if words:
                self._told[field.name] = words
            elif not self._told:
                self._problem = self._info.refusal
        self._show()

    def _submit_all(self, entries: Any) -> None:
        """Submit for a view, with all that stands in it, on a thread of the request pool."""
        with self._lock:
            if self._is_busy:
                return
            self._is_busy = True
            for name, entry in (entries if isinstance(entries, dict) else {}).items():
                if name in self._fields:
                    self._entries[name] = entry
        self._show()
        Poller.shared().submit(Errand(self._submit_for_view, origin=origin(self.task.url), lasting=True))

    def _submit_for_view(self) -> None:
        try:
            made, errors = self._read()
            if errors:
                self._tell(errors)
            else:
                self._take(self.task.submit({name: given.value for name, given in made.items()}))
        except ParameterError as error:
            self._refused(error.parameter, error)
        except SpatialWidgetsError as error:
            self._refused("", error)
        except Exception as error:  # shown where the button was pressed
            logger.exception("%s could not be submitted", self.task.name)
            self._refused("", error)
        finally:
            with self._lock:
                self._is_busy = False
                self._tries += 1
            self._show()

    def _refused(self, name: str, error: Exception) -> None:
        with self._lock:
            self._problem = say("form.submit.failed", reason=error)
            if name in self._fields:
                self._told[name] = str(error)

    # ------------------------------------------------------------ saved pages

    def _is_at_rest(self) -> bool:
        return True  # nothing happens in it by itself

    def _plain_text(self) -> str:
        return formsaved.plain_text(self.task.name, self.call)

    def _html_text(self) -> str:
        return formsaved.html_text(self.task.name, self.call)


def show_form(task: GPTask) -> TaskForm:
    """Return a new form of a task."""
    return TaskForm(task)
