"""Every ending of a job, over real sockets: how it ends for who waits, and for who looks at the widget."""

import json
import re
import time
import traceback
from contextlib import ExitStack

import pytest
from endings import CASES
from endings.run import Run
from endings.server import JOB_ID, TOKEN

from spatial_widgets import errors

MAY_RUN = re.compile("may still run|goes on|may exist|may have accepted")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LONGEST = 25_000
ASKED = [c for c in CASES if c.act != "submit"]
SUBMITTED = [c for c in CASES if c.act == "submit"]


def same(text):
    """Return a text without what differs between two runs: ports and seconds."""
    return re.sub(r":\d{4,5}/|for \d+ s\b|after [\d.]+ s", "…", text)


def check_text(case, error):
    """Hold an error to what each must say, and must not."""
    if case.raises is None:
        assert error is None
        return
    text = str(error)
    assert type(error) is case.raises, text
    for words in case.says:
        assert words in text
    assert (JOB_ID if case.act != "submit" else "Buffer") in text
    if case.act != "result" and not case.shows:
        assert bool(MAY_RUN.search(text)) == case.runs
    assert len(text) < LONGEST
    assert not CONTROLS.search(text)
    text.encode()
    assert TOKEN not in "".join(traceback.format_exception(error)) + repr(error)


def check_widget(case, run, error):
    """Hold a widget to the same verdict."""
    widget = run.widget
    assert widget.job_status == case.ends
    if case.shows:
        assert case.shows in widget.seen["job_status"]
    if case.act == "cancel" and case.start == "esriJobExecuting":  # the cancel itself failed
        problem = next(s["problem"] for s in widget.sent if s["kind"] == "cancel-done")
        assert same(str(error)) in same(problem)
    elif case.act == "result" and case.raises is errors.WaitTimeout:
        assert widget.loading["state"] == "stopped"
    elif case.act == "result" and error is not None:
        assert widget.error.startswith("The job succeeded, but its result 'bufferLayer'")
        assert same(str(error)).splitlines()[0] in same(widget.error)
    elif case.raises in {None, errors.JobCancelled, errors.WaitTimeout}:
        assert widget.error == ""
    elif isinstance(error, errors.JobLost):
        assert widget.error.startswith("Lost contact to the service")
        assert "still trying" in widget.error
        assert f"The job may still run. To show it again, in any session: {widget.attach}" in widget.error
        assert same(str(error)).partition("The last failure: ")[2] in same(widget.error)
    else:
        assert same(widget.error) == same(str(error))
    if case.raises is not errors.WaitTimeout:
        assert widget.contact == ""
    shown = json.dumps(widget.get_state(), ensure_ascii=False, default=str) + json.dumps(widget.sent)
    shown += "".join(widget._repr_mimebundle_()[0][kind] for kind in ("text/plain", "text/html"))
    assert TOKEN not in shown.encode().decode()
    assert not CONTROLS.search(widget._plain_text())


@pytest.mark.parametrize("case", ASKED, ids=lambda c: c.name)
def test_an_ending_is_the_same_for_who_waits_and_who_looks(case, monkeypatch):
    with ExitStack() as stack:
        alone, shown = (stack.enter_context(Run(case, monkeypatch)) for _ in range(2))
        passing = stack.enter_context(Run(case.passing(), monkeypatch)) if case.soft else None
        for run in filter(None, (shown, passing)):
            run.show()
        started = time.monotonic()
        error = alone.act()
        assert time.monotonic() - started < case.within_s
        shown.settle()
        asked = alone.asked, shown.asked
        check_text(case, error)
        assert alone.job.status.value == case.ends
        assert max(asked) <= case.most
        if case.shows and case.act == "wait":
            assert case.shows in alone.statuses
        check_widget(case, shown, error)
        case.check(shown)
        if passing is not None:
            passing.settle()
            assert any(passing.widget.seen["contact"])
            check_widget(passing.case, passing, None)


@pytest.mark.parametrize("case", SUBMITTED, ids=lambda c: c.name)
def test_a_submit_is_sent_once_and_says_whether_a_job_may_exist(case, monkeypatch):
    with Run(case, monkeypatch) as run:
        started = time.monotonic()
        check_text(case, run.act())
        assert time.monotonic() - started < case.within_s
        assert run.asked == case.most
        case.check(run)
