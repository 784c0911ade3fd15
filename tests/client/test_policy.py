import re
import runpy
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.client.policy import PollPolicy, RetryPolicy, Severity, severity
from spatial_widgets.client.schedule import PollSchedule
from spatial_widgets.errors import AuthenticationError, NotFound, ProtocolError, ServiceError, TransportError
from spatial_widgets.protocol import JobInfo, JobStatus

EXECUTING = JobInfo("j1", JobStatus.EXECUTING)


def schedule(now=0.0, **policy):
    return PollSchedule(now, poll=PollPolicy(**policy), random_spread=lambda: 0.0)


def test_the_pause_is_a_tenth_of_the_time_in_this_status_within_bounds():
    plan = schedule()
    assert plan.after_reply(0.0, EXECUTING) == 0.2
    assert plan.after_reply(30.0, EXECUTING) == 3.0
    assert plan.after_reply(3600.0, EXECUTING) == 10.0


def test_a_change_of_status_brings_the_pause_down_again():
    plan = schedule()
    plan.after_reply(0.0, EXECUTING)
    assert plan.after_reply(600.0, JobInfo("j1", JobStatus.CANCELLING)) == 0.2


def test_retry_after_wins_over_everything():
    assert schedule(fixed_s=1.0).after_reply(5.0, EXECUTING, retry_after_s=42.0) == 42.0


@given(st.floats(0, 1e6), st.booleans(), st.floats(-1, 1))
def test_the_interval_stays_within_its_bounds(elapsed, has_progress, spread):
    policy = PollPolicy()
    pause = policy.interval_s(elapsed, has_progress=has_progress, spread=spread)
    assert (
        policy.min_s * 0.9 - 1e-9
        <= pause
        <= (policy.progress_max_s if has_progress else policy.max_s) * 1.1 + 1e-9
    )


def fail_until_lost(took_s, error=None, start=0.0):
    """Return (moment of giving up, failures) for polls that each fail after so many seconds, at most their deadline."""
    plan, now = schedule(start), start
    error = error or TransportError("down")
    for failures in range(1, 1000):
        now += min(took_s, plan.deadline_s)
        pause = plan.after_failure(now, error)
        if pause is None:
            return now - start, failures
        now += pause
    raise AssertionError("never gave up")


@given(st.floats(0, 1e9), st.one_of(st.none(), st.floats(0, 1e6)))
def test_contact_is_lost_after_five_failures_and_a_minute_and_before_two_and_a_half(took_s, retry_after):
    lost_at, failures = fail_until_lost(took_s, TransportError("down", retry_after_s=retry_after))
    assert failures >= 5
    assert 60 <= lost_at <= 150


def test_one_good_answer_resets_the_budget():
    plan = schedule()
    for now in (10.0, 30.0, 50.0, 70.0):
        plan.after_failure(now, TransportError("down"))
    plan.after_reply(71.0, EXECUTING)
    assert plan.failures == 0
    assert plan.after_failure(140.0, TransportError("down")) is not None


def test_esri_errors_are_final_only_when_repeated():
    plan = schedule()
    assert plan.after_failure(1.0, NotFound("gone", code=404)) is not None
    assert plan.after_failure(2.0, NotFound("gone", code=404)) is None


def test_errors_are_sorted():
    assert severity(TransportError("")) is Severity.SOFT
    assert severity(ProtocolError("")) is Severity.SOFT
    assert severity(ServiceError("", code=500)) is Severity.SOFT
    assert severity(ServiceError("", code=429)) is Severity.SOFT
    assert severity(ServiceError("", code=400)) is Severity.REPEAT
    assert severity(AuthenticationError("", code=403)) is Severity.REPEAT
    assert severity(AuthenticationError("", code=498)) is Severity.FINAL
    assert severity(ZeroDivisionError()) is Severity.FINAL


def test_the_pauses_between_retries_are_the_documented_ones():
    policy = RetryPolicy()
    assert [round(policy.pause_s(n, None, 0.0), 6) for n in (1, 2)] == [0.3, 0.9]
    assert policy.pause_s(1, 7.0, 0.0) == 7.0
    assert policy.pause_s(1, 1e9, 0.0) == policy.retry_after_max_s


def test_the_page_of_comparisons_shows_what_this_pace_comes_to(capsys, monkeypatch):
    root = Path(__file__).parents[2]
    monkeypatch.setattr("sys.argv", ["pace.py"])
    runpy.run_path(str(root / "benchmarks" / "pace.py"), run_name="__main__")
    page = (root / "docs" / "comparisons.md").read_text(encoding="utf-8")
    for line in capsys.readouterr().out.splitlines()[2:]:
        pace, figures = line.removeprefix("| ").split(" | ", 1)
        assert re.search(rf"^\| {pace} \| [^|]+ \| {re.escape(figures)}$", page, re.MULTILINE), line
