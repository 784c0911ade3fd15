"""A batch at the end of a cell shows its jobs, those that come later too."""

import threading

import pytest
from fakes import error
from manyjobs import ManyJobs
from watching import Browser

from spatial_widgets import errors
from spatial_widgets.widgets.batchtable import show_batch


def test_a_batch_shows_a_table_that_takes_in_each_job_as_it_is_submitted():
    gate = threading.Event()
    app = ManyJobs(gate=gate)
    batch = app.map([{"distance": d} for d in range(4)], max_running=1)
    table = show_batch(batch)
    assert show_batch(batch) is table
    gate.set()
    batch.wait(30)
    assert {job.url for job in table.jobs} == {job.url for job in batch.jobs}
    assert len(table) == 4
    table.close()


def test_a_table_goes_on_with_its_batch_after_a_login_was_refused():
    app = ManyJobs(gate=(gate := threading.Event()))
    answer, is_refused = app.answer, threading.Event()
    app.answer = lambda asked: (
        error(498, "Invalid token") if is_refused.is_set() and "/jobs/" in asked.path else answer(asked)
    )
    batch = app.map([{"distance": 1}])
    table = show_batch(batch)
    browser = Browser(table).until(lambda b: b.rows)
    is_refused.set()
    with pytest.raises(errors.AuthenticationError):
        batch.wait(20)
    browser.until(lambda b: b.rows[0]["hold"])
    is_refused.clear()
    gate.set()
    batch.resume().wait(20)
    browser.until(lambda b: b.rows[0]["status"] == "esriJobSucceeded" and not b.rows[0]["hold"])
    assert len(table) == 1
    table.close()
