"""``async for info in job.updates()``, and many jobs awaited at once."""

import asyncio
import copy
import pickle
import threading

import pytest
import requests
from fakes import URL, ScriptedApp, error

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import Poller
from spatial_widgets.client.policy import ContactPolicy, PollPolicy
from spatial_widgets.protocol import JobStatus

QUICK = ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02)


def submitted(*polls):
    app = ScriptedApp(list(polls))
    job = app.submit()
    job.poll_interval = 0.01
    job.contact_policy = QUICK
    return app, job


async def statuses(job):
    return [info.status.value async for info in job.updates()]


def test_updates_are_the_snapshot_now_and_each_change_up_to_the_end():
    app, job = submitted(
        "esriJobWaiting", "esriJobWaiting", "esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"
    )
    seen = asyncio.run(statuses(job))
    assert seen == ["esriJobSubmitted", "esriJobWaiting", "esriJobExecuting", "esriJobSucceeded"]
    asked = app.count(app.job_id)
    assert asyncio.run(statuses(job)) == ["esriJobSucceeded"]
    assert app.count(app.job_id) == asked


def test_a_job_that_fails_ends_them_with_its_last_snapshot():
    _, job = submitted("esriJobExecuting", "esriJobFailed")
    assert asyncio.run(statuses(job))[-1] == "esriJobFailed"
    with pytest.raises(errors.JobFailed):
        job.raise_for_status()


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(error(503, "down"), errors.JobLost), (error(404, "gone"), errors.NotFound), (error(498, "token"), errors.AuthenticationError)],
)  # fmt: skip
def test_what_ends_a_wait_ends_them(trouble, kind):
    _, job = submitted("esriJobExecuting", trouble)
    with pytest.raises(kind):
        asyncio.run(statuses(job))
    Poller.shared().settle(job.watch, 10)  # the end itself comes a moment later
    assert job.watch.ended


def test_a_job_that_was_lost_can_be_followed_again():
    app, job = submitted("esriJobExecuting", error(503, "down"))
    with pytest.raises(errors.JobLost):
        asyncio.run(statuses(job))
    app.polls = ["esriJobWaiting", "esriJobSucceeded"]
    assert asyncio.run(statuses(job)) == ["esriJobExecuting", "esriJobWaiting", "esriJobSucceeded"]


def test_whoever_is_slow_gets_the_newest_and_no_backlog():
    app, job = submitted("esriJobWaiting")

    async def all_of_it_happens():
        app.polls = ["esriJobExecuting", "esriJobCancelling", "esriJobSucceeded"]
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        job.watch.when_done(lambda _: loop.call_soon_threadsafe(ended.set))
        await ended.wait()

    async def main():
        seen = []
        async for info in job.updates():
            seen.append(info.status.value)
            if info.status is JobStatus.WAITING:
                await all_of_it_happens()
        return seen

    assert asyncio.run(main()) == ["esriJobSubmitted", "esriJobWaiting", "esriJobSucceeded"]


@pytest.mark.parametrize("way", ["break", "cancel", "time out", "raise"])
def test_leaving_them_leaves_the_job_alone_and_no_thread(way):
    app, job = submitted("esriJobExecuting")

    async def follow():
        async for info in job.updates():
            if info.status is JobStatus.EXECUTING:
                if way == "break":
                    break
                if way == "raise":
                    raise LookupError
        await asyncio.sleep(0)

    async def main():
        task = asyncio.ensure_future(asyncio.wait_for(follow(), 0.2 if way == "time out" else None))
        if way == "cancel":
            async for info in job.updates():
                if info.status is JobStatus.EXECUTING:
                    break
            task.cancel()
        result = await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)
        return result[0]

    left = asyncio.run(main())
    kinds = {
        "break": type(None),
        "cancel": asyncio.CancelledError,
        "time out": TimeoutError,
        "raise": LookupError,
    }
    assert isinstance(left, kinds[way])
    seen = job.watch.changes
    while not job.watch.wait_for_change(seen, 5):
        seen = job.watch.changes
    assert job.watch.error is None
    assert app.count("cancel") == 0
    app.polls = ["esriJobSucceeded"]
    assert job.wait(timeout=5).status.is_success


def test_a_time_limit_of_asyncio_leaves_the_job_alone():
    app, job = submitted("esriJobExecuting")

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await job
        app.polls = ["esriJobSucceeded"]
        return await job

    assert len(asyncio.run(main())) == 1


def test_a_hundred_jobs_are_awaited_at_once_by_one_thread(monkeypatch):
    made = [submitted("esriJobWaiting", "esriJobExecuting", "esriJobSucceeded") for _ in range(100)]
    started = []

    async def main():
        return await asyncio.gather(*(job for _, job in made))

    class Counted(threading.Thread):
        def start(self):
            started.append(self.name)
            super().start()

    monkeypatch.setattr(threading, "Thread", Counted)
    frames = asyncio.run(main())
    assert [len(frame) for frame in frames] == [1] * 100
    assert started.count("spatial-widgets-poller") == 1
    assert all(app.count(app.job_id) == 3 for app, _ in made)


def test_two_loops_in_two_threads_follow_one_job():
    app, job = submitted("esriJobExecuting")
    both, results = threading.Barrier(2), []

    async def follow():
        seen = []
        async for info in job.updates():
            if info.status is JobStatus.EXECUTING and JobStatus.EXECUTING not in seen:
                await asyncio.get_running_loop().run_in_executor(None, both.wait, 10)
                app.polls = ["esriJobSucceeded"]
            seen.append(info.status)
        return seen, len(await job)

    threads = [threading.Thread(target=lambda: results.append(asyncio.run(follow()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [(seen[-1], rows) for seen, rows in results] == [(JobStatus.SUCCEEDED, 1)] * 2


def test_a_loop_that_was_closed_in_the_middle_harms_nobody(caplog):
    app, job = submitted("esriJobExecuting")
    loop = asyncio.new_event_loop()
    follower = job.updates()
    loop.run_until_complete(anext(follower))
    assert loop.run_until_complete(anext(follower)).status is JobStatus.EXECUTING
    loop.close()  # as when a thread ends without asking
    app.polls = ["esriJobSucceeded"]
    assert job.wait(timeout=5).status.is_success
    assert "raised" not in caplog.text


def test_a_loop_that_is_gone_is_no_reason_to_poll_for_ever():
    app, job = submitted("esriJobExecuting")
    loop = asyncio.new_event_loop()
    follower = job.updates()
    loop.run_until_complete(anext(follower))
    loop.run_until_complete(anext(follower))
    loop.close()
    app.polls = ["esriJobWaiting"]
    seen = job.watch.changes
    while not job.watch.wait_for_change(seen, 5):
        seen = job.watch.changes
    assert not job.done()
    del follower


SETTINGS = {"poll": PollPolicy(fixed_s=7.0), "contact": ContactPolicy(failures=9)}


def known_job():
    app = ScriptedApp(["esriJobExecuting"])
    made = app.submit(auth="a-secret-token")
    job = sw.Job(made.task, made.refresh(), **SETTINGS)
    job.watch = object()
    return job


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda j: pickle.loads(pickle.dumps(j))])
def test_a_copy_knows_what_the_job_knew_and_holds_nothing_else(copied):
    job = known_job()
    twin = copied(job)
    assert (twin.url, twin.job_id, twin.info, twin.task.name) == (job.url, job.job_id, job.info, "Buffer")
    assert twin.info.received_at == job.info.received_at
    assert (twin.poll_policy, twin.contact_policy) == (SETTINGS["poll"], SETTINGS["contact"])
    assert twin.watch is None
    assert twin.task.service.auth is None
    assert twin.session is not job.session
    assert b"a-secret-token" not in pickle.dumps(job)


def test_a_copy_is_given_its_token_by_way_of_its_text():
    twin = pickle.loads(pickle.dumps(known_job()))
    again = sw.Job.from_json(twin.to_json(), auth="another-token")
    assert (again.url, again.status) == (twin.url, twin.status)
    assert again.task.service.auth == "another-token"


def test_a_status_nobody_knows_survives():
    job = known_job()
    odd = ScriptedApp(["esriJobPaused"]).submit()
    odd.refresh()
    assert pickle.loads(pickle.dumps(odd)).status.value == "esriJobPaused"
    assert job.url.startswith(URL)


@pytest.mark.parametrize("odd", [0, -1, float("nan"), float("inf"), "2", True])
def test_an_interval_is_seconds_above_zero(odd):
    job = known_job()
    with pytest.raises(errors.ParameterError, match="poll_interval"):
        job.poll_interval = odd
    assert job.poll_interval == 7.0
    with pytest.raises(errors.ParameterError, match="poll_interval"):
        sw.GPService(URL, poll_interval=odd)


def test_a_service_hands_its_interval_to_its_jobs():
    app = ScriptedApp()
    service = sw.GPService(URL, session=app.service().session, poll_interval=2)
    assert service.task("Buffer").attach(app.job_id).poll_interval == 2.0
    assert sw.GPService(URL).poll_interval is None


def test_connections_that_fail_are_no_reason_to_ask_more_often():
    app = ScriptedApp(["esriJobExecuting", requests.ConnectionError("down"), "esriJobSucceeded"])
    job = app.submit()
    job.poll_interval = 0.01
    assert job.wait(timeout=10).status.is_success
