"""The live view of one job."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import traitlets as t

from spatial_widgets.client import Job, Poller
from spatial_widgets.client.auth import hidden
from spatial_widgets.pasting import attach_code
from spatial_widgets.widgets import saved
from spatial_widgets.widgets._base import LiveWidget, module_text, packed
from spatial_widgets.widgets.commands import Commands
from spatial_widgets.widgets.failure import advice_sent
from spatial_widgets.widgets.fitting import cut_to
from spatial_widgets.widgets.jobstate import error_sent, state_of
from spatial_widgets.widgets.loading import Loading, loading_sent
from spatial_widgets.widgets.messagelog import MessageLog
from spatial_widgets.widgets.outbox import Outbox
from spatial_widgets.widgets.resultstate import previews_sent, summary_sent
from spatial_widgets.widgets.times import moments_sent
from spatial_widgets.widgets.verbs import JobVerbs
from spatial_widgets.widgets.wirelog import WireLog

if TYPE_CHECKING:
    from spatial_widgets.client.poller import Watch

__all__ = ["JobWidget", "show_job", "widget_of"]

_SETTLE_S = 10.0


class JobWidget(JobVerbs, LiveWidget):
    """A job as a live badge, progress bar, message log and result summary, with a Cancel button.

    Parameters
    ----------
    job : the job to show. It is watched from now on by the shared poller, until it ends.
    show_requests : show the last 20 requests about the job as well, with what was answered: how a job is submitted and
        asked for. Tokens are masked, and of long inputs only the beginning is shown.

    Attributes
    ----------
    job_id, task_name, job_url : str
    job_status : the wire value, such as ``"esriJobExecuting"``.
    messages : list of ``{"type", "description"}``, the last 200; all of them are ``w.job.info.messages``.
    progress, progress_text : percent, 0 to 100, or None when the service reports none, and its words beside it.
    error : what went wrong and what to do next; "" while nothing did.
    lost : whether contact to the service is lost; the job may still run, and is asked for again and again.
    results_ready : whether the results are here, so that reading them costs no request.
    loading : ``{"state", "text"}`` while they are loaded ("running") or after somebody stopped that ("stopped"), else {}.
    summary : one dict per result (name, kind, rows, columns, crs, text).
    previews : one dict per result: its first rows, its picture, the Python that fetches it, the formats it comes in.
    advice, attach : what to try after a failure, and the line of Python that shows the job again.
    moments : ``[status, seconds]`` for each status that was seen, in order: when it first was.
    is_new : whether they begin with the submit; of a job that was found by its URL nobody saw that.
    started_at, ended_at : seconds since 1970-01-01 UTC by this machine's clock, as those of ``moments``: when the job
        was first seen, and its end, None before that.

    Notes
    -----
    All traits are read-only. They are written by the poller's thread alone, so an observer runs there: it
    may read anything and must not wait for the job. What is too large for a page is cut on its way there, and said to
    be; these have all of it. Cost: the polls of :meth:`Job.wait`, and one GET per output when the job has succeeded. A
    browser hears at most five messages a second, and none while nothing changes; of all widgets together a hundred, and
    the ends of jobs at once.

    Examples
    --------
    >>> w = JobWidget(job)
    >>> w.observe(lambda c: print(c.new), "job_status")
    """

    _esm = packed(module_text("job.js", "base.css", "job.css"))

    job_id = t.Unicode("", read_only=True).tag(sync=True)
    job_url = t.Unicode("", read_only=True).tag(sync=True)
    task_name = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(200))
    job_status = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(200))
    progress = t.Float(None, allow_none=True, read_only=True).tag(sync=True)
    progress_text = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(300))
    error = t.Unicode("", read_only=True).tag(sync=True, to_json=error_sent)
    contact = t.Unicode("", read_only=True).tag(sync=True, to_json=cut_to(600))
    lost = t.Bool(default_value=False, read_only=True).tag(sync=True)
    results_ready = t.Bool(default_value=False, read_only=True).tag(sync=True)
    loading = t.Dict(read_only=True).tag(sync=True, to_json=loading_sent)
    summary = t.List(t.Dict(), read_only=True).tag(sync=True, to_json=summary_sent)
    previews = t.List(t.Dict(), read_only=True).tag(sync=True, to_json=previews_sent)
    result_total = t.Int(0, read_only=True).tag(sync=True)
    fetch = t.Unicode("", read_only=True).tag(sync=True)  # the Python before the last line of each preview's
    advice = t.List(t.Unicode(), read_only=True).tag(sync=True, to_json=advice_sent)
    attach = t.Unicode("", read_only=True).tag(sync=True)
    moments = t.List(t.List(), read_only=True).tag(sync=True, to_json=moments_sent)
    cancel_pending = t.Bool(default_value=False, read_only=True).tag(sync=True)
    is_new = t.Bool(default_value=False, read_only=True).tag(sync=True)
    started_at = t.Float(0.0, read_only=True)
    ended_at = t.Float(None, allow_none=True, read_only=True).tag(sync=True)
    message_total = t.Int(0, read_only=True).tag(sync=True)
    show_requests = t.Bool(default_value=False, read_only=True).tag(sync=True)
    # Not sent while the log grows: lines travel once, as custom messages; the tail at the end, for saved pages.
    message_tail = t.List(t.List(), read_only=True).tag(sync=True)
    messages = t.List(t.Dict(), read_only=True)

    def __init__(self, job: Job, *, show_requests: bool = False, **traits: Any) -> None:
        if not isinstance(job, Job):
            raise TypeError(
                f"JobWidget shows a Job, got {type(job).__name__}; see GPTask.submit or Job.from_url."
            )
        self.job = job
        self._log = MessageLog()
        self._outbox = Outbox(super().send_state, self.send, self._news)
        self._results: Loading | None = None  # whose results are shown
        self._requests = WireLog(job, self._outbox.look) if show_requests else None
        self._is_closed = False
        self._end_shown = ""
        self._error_saved = ""
        self._problem = ""  # with a result; the job itself is well
        self._loading: Loading | None = None
        self._commands = Commands(
            job,
            self._log,
            self._requests,
            self.send,
            is_open=lambda: not self._is_closed,
            stop_loading=self._stop_loading,
            cancelled=self._show_cancel,
        )
        self._apply(  # before there is anybody to send it to: it goes along with the first message
            job_id=job.job_id,
            job_url=job.url,
            task_name=job.task.name,
            attach=attach_code(job),
            is_new=job.is_new,
            show_requests=show_requests,
            started_at=job.first_seen_at,
            **self._state(job.watch),
        )
        super().__init__(**traits)
        self.on_msg(self._on_browser)
        _widgets[job] = self
        self._watch = Poller.shared().watch(job, self._on_change)

    @classmethod
    def from_url(cls, url: str, *, auth: Any = None) -> JobWidget:
        """Return a widget for the job at a URL, in this or any later session. One GET; errors as :meth:`Job.from_url`."""
        auth = hidden(auth)  # the text of a token is in no variable that a traceback may show
        return cls(Job.from_url(url, auth=auth))

    def __repr__(self) -> str:
        return f"<JobWidget {self.job_id} of {self.task_name}: {self.job_status}>"

    def _results_were_read(self) -> None:
        if self._is_missing_results():
            Poller.shared().call(self._show_what_is_here)

    def _settle(self) -> None:
        Poller.shared().settle(self._watch, _SETTLE_S)

    def close(self) -> None:
        """Take the widget off every page; the job itself goes on."""
        self._is_closed = True
        if getattr(self, "_watch", None) is not None:
            self._outbox.close()
            if self._requests is not None:
                self._requests.close()
            self._watch.unsubscribe(self._on_change)
            self._stop_loading()  # for nobody
            if _widgets.get(self.job) is self:
                del _widgets[self.job]  # it would keep its own key alive
        super().close()

    # ------------------------------------------------------------ on the poller's thread: the one writer

    def _on_change(self, watch: Watch) -> None:
        if self._is_closed:
            return
        is_refused = watch.error is not None and not watch.is_lost
        end = "done" if self.job.done() else "refused" if is_refused else ""
        is_new_end = end not in {"", self._end_shown}
        self._end_shown = end  # a job that was refused may be let in again, and end once more
        self._log.read(self.job.info.messages)
        self._apply(**self._state(watch))
        is_news = is_new_end or self.error != self._error_saved
        self._error_saved = self.error
        if is_news:
            self._apply(message_tail=self._log.tail())
        if is_new_end and self.job.status.is_success:
            self._begin_loading()
        if end or is_news:
            self._outbox.flush()
            self._update_saved_output()

    def _state(self, watch: Watch | None) -> dict[str, Any]:
        total = len(self._log)
        return state_of(self.job, watch, message_total=total, problem=self._problem, ended_at=self.ended_at)

    def send_state(self, key: Any = None) -> None:
        """Send traits to the browser: all of them at once, some of them when it is their turn."""
        if key is None:
            super().send_state(None)
        elif self.comm is not None:  # before that, all of it goes along when it opens
            self._outbox.state([key] if isinstance(key, str) else key)

    def _news(self) -> dict[str, Any] | None:
        """Return the next message beside the traits."""
        if not self._log.has_news:
            return None if self._requests is None else self._requests.news()
        first, lines = self._log.news()
        return {"kind": "log", "seq": first, "lines": lines, "total": len(self._log)}

    def _begin_loading(self) -> None:
        if self._loading is None or not self._loading.is_running:
            self._loading = Loading(self.job, self._show_loading)
            self._apply(loading=self._loading.to_json())
            self._loading.start()

    def _show_loading(self, loading: Loading) -> None:
        if self._is_closed or loading is not self._loading:
            return
        if loading.is_running:
            self._apply(loading=loading.to_json())
            return
        self._results, self._problem = loading, loading.problem
        self._apply(
            loading=loading.to_json(),
            summary=[s.to_json() for s in loading.summaries],
            previews=[p.to_json() for p in loading.previews],
            result_total=len(loading.summaries),
            fetch=next((p.code.rpartition("\n")[0] for p in loading.previews), ""),
            error=loading.problem,
        )
        # Whoever waits for them ends a cell, and what comes after its end is not kept where no front end is.
        self._update_saved_output()
        self._apply(results_ready=not (loading.problem or loading.is_stopped))
        self._outbox.flush()

    def _show_what_is_here(self) -> None:
        """Show the results after all, where they were loaded by another hand than the one that was stopped or failed."""
        names = self.job.info.results
        if self._is_missing_results() and names and all(map(self.job.results.is_loaded, names)):
            self._begin_loading()

    def _is_missing_results(self) -> bool:
        is_over = self._loading is not None and not self._loading.is_running
        return is_over and not self.results_ready and not self._is_closed

    def _show_cancel(self) -> None:
        if not self._is_closed:
            self._apply(cancel_pending=self.job.cancel_pending)
            self._outbox.flush()

    # ------------------------------------------------------------ off the poller's thread: no trait is written

    def _on_browser(self, _widget: Any, content: Any, _buffers: Any) -> None:
        self._commands.answer(content)

    def _stop_loading(self) -> None:
        if self._loading is not None:
            self._loading.stop()

    # ------------------------------------------------------------ saved pages

    def _plain_text(self) -> str:
        return saved.plain_text(self._shown())

    def _html_text(self) -> str:
        return saved.html_text(self._shown())

    def _shown(self) -> saved.Shown:
        return saved.Shown(
            self.job,
            self._results.summaries if self._results else (),
            self._results.previews if self._results else (),
            error=self.error,
            advice=self.advice,
            loading=self.loading.get("text", ""),
            is_lost=self.lost,
            attach=self.attach,
            ended_at=self.ended_at,
            log=self._log.messages or self.job.messages,
        )

    def _is_at_rest(self) -> bool:
        return bool(self._end_shown) and not (self._loading is not None and self._loading.is_running)


_widgets: weakref.WeakKeyDictionary[Job, JobWidget] = weakref.WeakKeyDictionary()


def widget_of(job: Job) -> JobWidget | None:
    """Return the widget that a job has, if it has one that is open."""
    widget = _widgets.get(job)
    return None if widget is None or widget._is_closed else widget  # noqa: SLF001


def show_job(job: Job) -> JobWidget:
    """Return the widget of a job: the one it has, or a new one."""
    return widget_of(job) or JobWidget(job)
