"""Tasks that await a job, and stop."""

import asyncio

import pytest
from fakes import ScriptedApp


@pytest.mark.parametrize("stop", ["time out", "cancel"])
def test_a_task_that_stops_waiting_stops_the_watch_and_not_the_job(stop):
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit()

    async def main():
        if stop == "time out":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(job, 0.05)
            return
        task = asyncio.ensure_future(asyncio.wait_for(job, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert job.watch is None or not job.watch.is_wanted
    assert app.count("cancel") == 0
    if job.watch is not None:
        seen = job.watch.changes
        while not job.watch.wait_for_change(seen, 5):
            seen = job.watch.changes
        assert job.watch.error is None
    asked = app.count(app.job_id)
    assert asked <= 3
    app.polls = ["esriJobSucceeded"]
    assert job.wait(timeout=5).status.is_success


def test_one_task_that_stops_takes_nothing_from_another():
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit()

    async def main():
        other = asyncio.ensure_future(asyncio.wait_for(job, 10))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job, 0.05)
        assert job.watch.is_wanted
        app.polls = ["esriJobSucceeded"]
        return await other

    assert len(asyncio.run(main())) == 1
