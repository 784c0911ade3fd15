"""A form that a task's own description makes."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

import traitlets as t

from spatial_widgets.client import GPTask, Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets import formsaved
from spatial_widgets.widgets._base import LiveWidget, module_text, packed
from spatial_widgets.widgets.crssearch import found_references
from spatial_widgets.widgets.fitting import cut_to
from spatial_widgets.widgets.formcontents import FormContents
from spatial_widgets.widgets.formorigins import NotebookOrigins
from spatial_widgets.widgets.formsent import columns_sent, entries_sent, fields_sent, told_sent
from spatial_widgets.widgets.uploading import Uploading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client import Job

__all__ = ["TaskForm", "show_form"]

logger = logging.getLogger(__name__)
_call_sent = cut_to(2500, "form.call.more")


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
    Making one costs the request of ``task.info()``, and a layer's URL one GET, for its columns, where the task names
    columns. What stands at its default, or is empty, is left out, so that the
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

    task_name = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(200))
    title = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(200))
    about = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(1500, "form.about.more"))
    docs = t.Unicode("", read_only=True).tag(sync=True)
    # What is too large for a page is cut on its way there: of the fields a view with a kernel asks for the rest.
    fields = t.List(t.Dict(), read_only=True).tag(sync=True, to_json=fields_sent)
    fields_cut = t.Bool(default_value=False, read_only=True).tag(sync=True)
    entries = t.Dict(read_only=True).tag(sync=True, to_json=entries_sent)  # of the fields that were touched
    told = t.Dict(read_only=True).tag(sync=True, to_json=told_sent)
    columns = t.Dict(read_only=True).tag(sync=True, to_json=columns_sent)
    call = t.Unicode("", read_only=True).tag(sync=True, to_json=_call_sent)
    call_cut = t.Bool(default_value=False, read_only=True).tag(sync=True)
    problem = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(800))
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
        self._contents = FormContents(task, NotebookOrigins(namespace))
        self._is_closed = False
        self._uploading = Uploading(self._answer)
        help_url = info.help_url
        fields = [field.to_json() for field in self._contents.fields.values()]
        self._apply(
            task_name=task.name,
            title=info.display_name or task.name,
            about=info.description,
            docs=help_url if help_url.casefold().startswith(("http://", "https://")) else "",
            fields=fields,
            fields_cut=fields_sent(fields) != fields,
            can_submit=not info.is_synchronous,
            **self._state(),
        )
        super().__init__(**traits)
        self.on_msg(self._on_browser)

    def __repr__(self) -> str:
        return f"<TaskForm of {self.task.name}: {len(self._contents.fields)} inputs>"

    # ------------------------------------------------------------ what stands in it

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that were submitted from here, in their order."""
        return self._contents.jobs

    @property
    def parameters(self) -> dict[str, Any]:
        """Each input's value as a call takes it, None where it is left to the service, or is wrong (see ``errors``)."""
        made, _ = self._contents.read()
        return {name: made[name].value if name in made else None for name in self._contents.fields}

    @property
    def errors(self) -> dict[str, str]:
        """Input to what is wrong with its value, in words; empty when the form can be submitted."""
        return self._contents.read()[1]

    def code(self) -> str:
        """Return the call as a Python program: imports, service, call. No token and no hidden text is in it: it asks.

        Inputs whose value is missing or wrong are left out, and told in a comment. A frame of the notebook is named by its
        variable, so that such a program runs in this notebook.
        """
        return self._contents.code(*self._contents.read())

    def submit(self) -> Job:
        """Submit a job with what stands in the form, show it below, and return it; as :meth:`GPTask.submit`.

        Raises
        ------
        ParameterError : a value is missing or wrong; it is told beside the field as well. Nothing was sent.
        As :meth:`GPTask.submit`.
        """
        made, errors = self._contents.read()
        if errors:
            self._contents.tell(errors)
            self._show()
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

    # ------------------------------------------------------------ showing: traits are written on the poller's thread

    def _show(self) -> None:
        """Have the views show how things stand."""

        def apply(state: dict[str, Any]) -> None:
            if not self._is_closed:
                self._apply(**state)

        with self._contents.lock:  # what came later is shown later
            Poller.shared().call(functools.partial(apply, self._state()))

    def _state(self) -> dict[str, Any]:
        state = self._contents.traits()
        return {**state, "call_cut": _call_sent(state["call"], self) != state["call"]}

    def _take(self, job: Job) -> None:
        self._contents.take(job)
        self._show()

    # ------------------------------------------------------------ what a view says

    def _on_browser(self, _widget: Any, content: Any, buffers: Any) -> None:
        """Answer a view: never with HTTP here, and never by writing a trait."""
        kind = content.get("kind") if isinstance(content, dict) else None
        contents = self._contents
        if kind == "offers":
            self.send({"kind": "offers", "offers": contents.origins.offers()})
            if self.fields_cut:
                self.send({"kind": "fields", "fields": self.fields})
        elif kind == "code":
            self.send({"kind": "code", "text": self.call})
        elif kind == "search":
            text = str(content.get("text"))[:100]
            self.send({"kind": "found", "text": text, "items": found_references(text)})
        elif kind == "extent":
            found = contents.origins.extent(content.get("from"), content.get("text"))
            self.send({"kind": "extent", "ticket": str(content.get("ticket"))[:40], "entry": found})
        elif kind == "file-part":
            self._uploading.take(content, buffers or [])
        elif kind == "edit":
            contents.edit(content.get("name"), content.get("entry"))
            self._show()
            for key in contents.unread(content.get("name")):
                read = functools.partial(self._read_columns, key)
                Poller.shared().submit(Errand(read, origin=origin(self.task.url), lasting=True))
        elif kind == "reset":
            contents.reset()
            self._show()
        elif kind == "submit":
            self._submit_all(content.get("entries"))

    def _answer(self, message: dict[str, Any]) -> None:
        self.send(message)

    def _submit_all(self, entries: Any) -> None:
        """Submit for a view, with all that stands in it, on a thread of the request pool."""
        if self._contents.begin(entries if isinstance(entries, dict) else {}):
            self._show()
            Poller.shared().submit(Errand(self._submit_for_view, origin=origin(self.task.url), lasting=True))

    def _submit_for_view(self) -> None:
        contents = self._contents
        try:
            made, errors = contents.read()
            if errors:
                contents.tell(errors)
            else:
                contents.take(self.task.submit({name: given.value for name, given in made.items()}))
        except ParameterError as error:
            contents.refuse(error.parameter, error)
        except SpatialWidgetsError as error:
            contents.refuse("", error)
        except Exception as error:  # shown where the button was pressed
            logger.exception("%s could not be submitted", self.task.name)
            contents.refuse("", error)
        finally:
            contents.end()
            self._show()

    def _read_columns(self, key: tuple[str, str]) -> None:
        """Read the columns of a URL or a file, on a thread of the request pool."""
        self._contents.read_columns(key)
        self._show()

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
