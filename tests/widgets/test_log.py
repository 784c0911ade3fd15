"""The message log only grows, whatever the service does with its list."""

import pytest
from fakes import ScriptedApp, message
from hypothesis import given
from hypothesis import strategies as st

import spatial_widgets as sw
from spatial_widgets.protocol import JobMessage
from spatial_widgets.widgets.messagelog import fresh_lines


def grown(*lists):
    log, before = [], []
    for now in lists:
        fresh = fresh_lines(log, before, list(now))
        log, before = log + fresh, list(now)
    return "".join(log)


@pytest.mark.parametrize(
    ("lists", "log"),
    [
        (["abc", "x", "xy"], "abcxy"),  # replaced
        (["abc", "ab", "abc", "abcd"], "abcd"),  # lags behind
        (["abc", "", "abc"], "abc"),  # gone for a moment
        (["abc", "bcd", "de"], "abcde"),  # only the newest are kept
        (["abcd", "bc", "bce"], "abcde"),  # lags, then goes on in another way
        (["abc", "x", "xy", "x", "xyz"], "abcxyz"),
        (["abc", "a", "az"], "abcz"),  # starts anew with the same line
        (["aaa", "aaaa"], "aaaa"),  # the same line again and again
        (["ab", "cd", "ef", "fg"], "abcdefg"),
        ([], ""),
    ],
)
def test_new_lines_are_found_by_what_they_say(lists, log):
    assert grown(*lists) == log


@given(st.text("abc"), st.lists(st.integers(0, 40)))
def test_a_list_that_only_lags_shows_every_line_once(whole, cuts):
    assert grown(*(whole[:n] for n in [*cuts, len(whole)])) == whole


@given(st.lists(st.text("abc", max_size=6)))
def test_the_last_line_of_each_list_is_in_the_log(lists):
    log = grown(*lists)
    assert all(text[-1] in log for text in lists if text)


def test_a_long_log_that_grows_is_read_once_and_no_line_of_it_compared_again(monkeypatch):
    read, compared = [], []
    from_json, equal = JobMessage.from_json, JobMessage.__eq__
    monkeypatch.setattr(
        JobMessage, "from_json", lambda document: read.append(document) or from_json(document)
    )
    monkeypatch.setattr(JobMessage, "__eq__", lambda one, other: compared.append(one) or equal(one, other))
    job_id = "j0123456789abcdef0123456789abcdef"
    whole = [message(f"line {n}") for n in range(1000)]
    polls = [
        {"jobId": job_id, "jobStatus": "esriJobExecuting", "messages": whole[:n]} for n in range(0, 1001, 50)
    ]
    polls.append({**polls[-1], "jobStatus": "esriJobSucceeded", "results": {}})
    job = ScriptedApp(polls, results={}).submit()
    job.poll_interval = 0.01
    widget = sw.JobWidget(job)
    widget.wait(timeout=20)
    assert widget.message_total == len(read) == 1000
    assert compared == []
    widget.close()


def test_the_widget_shows_the_lines_of_a_list_that_was_replaced():
    job_id = "j0123456789abcdef0123456789abcdef"
    polls = [
        {"jobId": job_id, "jobStatus": "esriJobExecuting", "messages": [message(t) for t in texts]}
        for texts in ("abc", "x", "xy")
    ]
    polls.append({**polls[-1], "jobStatus": "esriJobSucceeded", "results": {}})
    sent = []

    class Recorded(sw.JobWidget):
        def send(self, content, buffers=None):
            sent.append(content)

    widget = Recorded(ScriptedApp(polls, results={}).submit())
    widget.wait(timeout=20)
    lines = [line[1] for content in sent if content["kind"] == "log" for line in content["lines"]]
    assert "".join(lines) == "abcxy"
    assert widget.message_total == 5
    widget.close()
