"""A batch at the end of a cell shows its jobs, those that come later too."""

import threading

from manyjobs import ManyJobs

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
