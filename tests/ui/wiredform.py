"""A real form in the kernel's place, and its view in a page that is no Jupyter: what one says the other hears."""

from __future__ import annotations

import threading
from typing import Any

from fakes import ScriptedApp

import spatial_widgets as sw
from spatial_widgets.client import Poller
from spatial_widgets.widgets.job import show_job


class WiredForm:
    """A form of one description, and its views on a host's page.

    Parameters
    ----------
    names : the variables of a notebook.
    quiet : the kernel does not answer before :meth:`pump`.
    """

    def __init__(
        self,
        host: Any,
        document: dict[str, Any],
        *,
        title: str = "form",
        width: int | None = None,
        quiet: bool = False,
        **names: Any,
    ) -> None:
        self.host, self.title = host, title
        self.app = ScriptedApp(task={**document, "name": "Task"}, results={})
        self.app.capabilities = "Uploads"
        self.form = sw.TaskForm(self.app.service().task("Task"), namespace=names)
        self.changed: set[str] = set()
        self.told: list[Any] = []
        self.heard = 0
        self.form.send = lambda content, buffers=None: self.told.append(content)  # type: ignore[method-assign]
        synced = {n for n, trait in sw.TaskForm.class_own_traits().items() if trait.metadata.get("sync")}
        self.form.observe(lambda change: self.changed.add(change.name), sorted(synced))
        traits = {name: value for name, value in self.form.get_state().items() if name in synced}
        host.open(title, sw.TaskForm._esm, traits)
        self.view = host.show(title, width=width)
        if not quiet:
            self.pump()

    def pump(self) -> None:
        """Carry what was said, both ways, until there is silence."""
        for _ in range(100):
            sent = self.host.sent(self.title)[self.heard :]
            for content in sent:
                parts = self.host.on(self.title, "model.bytes.get(values[0])", self.heard)
                self.heard += 1
                data = {"content": {"data": {"method": "custom", "content": content}}}
                self.form.comm.handle_msg({**data, "buffers": [bytes(part) for part in parts]})
            self._settle()
            changed, self.changed = self.changed, set()
            told, self.told[:] = list(self.told), []
            if changed:
                self.host.take(self.title, **self.form.get_state(changed))
            for message in told:
                self.host.on(self.title, "model.tell(values[0])", message)
            # A file is read in pieces, each of which takes a turn of the page.
            self.host.page.evaluate("new Promise((done) => setTimeout(done, 20))")
            if not (sent or changed or told):
                return

    def _settle(self) -> None:
        """Return when a submit has ended, and the traits are written."""
        quiet = threading.Event()

        def look(_change: Any = None) -> None:
            if not self.form.is_busy:
                quiet.set()

        self.form.observe(look, "is_busy")
        for _ in range(2):  # what a submit does at its end comes after it
            Poller.shared().call(look)
            assert quiet.wait(20)
        self.form.unobserve(look, "is_busy")
        done = threading.Event()
        Poller.shared().call(done.set)
        assert done.wait(20)

    def field(self, name: str) -> Any:
        """Return the locator of a field."""
        return self.view.locator(f'.sw-entry[data-name="{name}"]')

    def close(self) -> None:
        """End it, and its jobs' widgets."""
        for job in self.form.jobs:
            show_job(job).close()
        self.form.close()
