"""What stands in a form: entries, what is wrong with them, and what became of its submits. Safe on any thread; no widget."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.pasting import call_code
from spatial_widgets.widgets.formcolumns import Columns
from spatial_widgets.widgets.formentry import given_of, is_left_out, without_secrets
from spatial_widgets.widgets.formfield import fields_of
from spatial_widgets.widgets.formgiven import EntryError, Given
from spatial_widgets.widgets.job import show_job
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client import GPTask, Job
    from spatial_widgets.widgets.formfield import Field
    from spatial_widgets.widgets.formorigins import NotebookOrigins

__all__ = ["FormContents"]


class FormContents:
    """The contents of one form, which its views and its owner change.

    Attributes
    ----------
    fields : name to what a form shows of an input.
    origins : where layers, tables and files come from.
    jobs : those that were submitted, in their order.
    lock : held while anything of it changes; views speak on threads of their own.
    """

    def __init__(self, task: GPTask, origins: NotebookOrigins) -> None:
        info = task.info()
        self.fields = {field.name: field for field in fields_of(info)}
        self.origins = origins
        self.jobs: tuple[Job, ...] = ()
        self.lock = threading.RLock()
        self._task = task
        self._refusal = info.refusal
        self._entries: dict[str, Any] = {}
        self._told: dict[str, str] = {}
        self._columns = Columns(task.session, origins)
        self._names_columns = any(map(_names_columns, self.fields.values()))
        self._problem = info.refusal or (say("form.synchronous") if info.is_synchronous else "")
        self._is_busy = False
        self._tries = 0

    # ------------------------------------------------------------ reading

    def read(self, *, check: bool = True) -> tuple[dict[str, Given], dict[str, str]]:
        """Return what is to be sent, and what is wrong, by input; without ``check`` what the codec says is not asked."""
        with self.lock:
            entries = dict(self._entries)
        made: dict[str, Given] = {}
        errors: dict[str, str] = {}
        for name, field in self.fields.items():
            try:
                given = given_of(field, entries.get(name, field.start), self.origins, check=check)
            except EntryError as error:
                errors[name] = str(error)
            else:
                if given is not None:
                    made[name] = given
        return made, errors

    def code(self, made: Mapping[str, Given], errors: Mapping[str, str]) -> str:
        """Return the call as a Python program, with a comment for what is wrong."""
        return call_code(
            self._task,
            {name: given.code for name, given in made.items()},
            needs={line for given in made.values() for line in given.needs},
            taken={name for given in made.values() for name in given.variables},
            remarks=[say("form.remark", name=name, problem=words) for name, words in errors.items()],
        )

    def traits(self) -> dict[str, Any]:
        """Return the value of each trait that follows the contents."""
        with self.lock:
            made, missing = self.read(check=False)
            right = {name: given for name, given in made.items() if name not in self._told}
            last = self.jobs[-1] if self.jobs else None
            widget = show_job(last) if last is not None else None
            layers = {n: self._columns.of(f, self._entries.get(n, f.blank)) for n, f in self.fields.items()}
            return {
                "entries": {
                    name: without_secrets(self.fields[name], entry) for name, entry in self._entries.items()
                },
                "told": dict(self._told),
                "columns": {name: columns for name, columns in layers.items() if columns},
                "call": self.code(right, missing | self._told),
                "problem": self._problem,
                "is_busy": self._is_busy,
                "tries": self._tries,
                "job_url": last.url if last is not None else "",
                "job_widget": widget.model_id if widget is not None and widget.comm is not None else "",
            }

    def unread(self, name: Any) -> list[tuple[str, str]]:
        """Return what is to be read, with :meth:`read_columns`, to know the columns of what stands in a field."""
        if not self._names_columns or not isinstance(name, str):
            return []
        with self.lock:
            return self._columns.unread(self._entries.get(name))

    def read_columns(self, key: tuple[str, str]) -> None:
        """Read the columns of a URL or a file: a request."""
        self._columns.read(key)

    # ------------------------------------------------------------ changing

    def edit(self, name: Any, entry: Any) -> None:
        """Take what was entered into a field, and look at it."""
        field = self.fields.get(name) if isinstance(name, str) else None
        if field is None:
            return
        with self.lock:
            self._entries[field.name] = entry
        try:
            given_of(field, entry, self.origins)
            words = say("form.required") if field.required and is_left_out(field, entry) else ""
        except EntryError as error:
            words = str(error)
        with self.lock:
            self._told = {name: told for name, told in self._told.items() if name != field.name}
            if words:
                self._told[field.name] = words
            elif not self._told:
                self._problem = self._refusal

    def reset(self) -> None:
        """Start again."""
        with self.lock:
            self._entries, self._told, self._problem = {}, {}, self._refusal

    def tell(self, errors: Mapping[str, str]) -> None:
        """Have it said what is wrong, by input."""
        with self.lock:
            self._told = dict(errors)
            name = "form.errors.one" if len(errors) == 1 else "form.errors.other"
            self._problem = say(name, n=len(errors)) if errors else ""

    def refuse(self, name: str, error: Exception) -> None:
        """Have it said that a submit failed; ``name`` is the input that was to blame, or anything else."""
        with self.lock:
            self._problem = say("form.submit.failed", reason=error)
            if name in self.fields:
                self._told[name] = str(error)

    def take(self, job: Job) -> None:
        """Take a job that was submitted."""
        with self.lock:
            self.jobs = (*self.jobs, job)
            self._told, self._problem = {}, ""

    def begin(self, entries: Mapping[str, Any]) -> bool:
        """Begin a submit for a view, with all that stands in it; returns False while another one goes on."""
        with self.lock:
            if self._is_busy:
                return False
            self._is_busy = True
            self._entries |= {name: entry for name, entry in entries.items() if name in self.fields}
            return True

    def end(self) -> None:
        """End it."""
        with self.lock:
            self._is_busy = False
            self._tries += 1


def _names_columns(field: Field) -> bool:
    return field.names_a_column or any(map(_names_columns, field.parts))
