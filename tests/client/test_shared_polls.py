"""Several Job objects of one job: it is polled once for all of them, and never with somebody else's token."""

import asyncio
import json
import threading
from collections import Counter

import pytest
from fakes import POINT_LAYER, ScriptedApp
from raw_server import RawServer

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import Poller

TASK = "/Buffer/jobs/"


class Service(RawServer):
    """A GPServer whose jobs follow ``script``, poll by poll; counts requests of a job that overlap."""

    def __init__(self, script, *, takes_s=0.02):
        super().__init__(self.respond)
        self.script, self.takes_s = list(script), takes_s
        self.lock = threading.Lock()
        self.inside, self.most = Counter(), Counter()
        self.polls = []  # (job ID, token)
        self.cancels = []
        self.polled = threading.Condition(self.lock)

    def respond(self, connection, server):
        line, _, head = self.mine.head.partition("\r\n")
        token = head.partition("X-Esri-Authorization: Bearer ")[2].split("\r\n")[0]
        job_id, _, more = line.split()[1].partition(TASK)[2].partition("?")[0].partition("/")
        if more == "cancel":
            document = {"jobId": job_id, "jobStatus": "esriJobCancelling"}
            with self.lock:
                self.cancels.append(token)
                if self.word() == "esriJobSubmitted":
                    document = {"error": {"code": 400, "message": "Not yet."}}
        elif job_id and not more:
            document = self.poll(job_id, token)
        else:
            document = {"error": {"code": 400, "message": "Nothing here."}}
        body = json.dumps(document).encode()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    def word(self):
        return self.script[min(len(self.polls), len(self.script)) - 1]

    def poll(self, job_id, token):
        with self.lock:
            self.inside[job_id, token] += 1
            self.polled.notify_all()
            self.most[job_id, token] = max(self.most[job_id, token], self.inside[job_id, token])
        self.over.wait(self.takes_s)
        with self.polled:
            self.polls.append((job_id, token))
            self.polled.notify_all()
            self.inside[job_id, token] -= 1
            word = self.word()
        if word in {400, 403, 404} or (word == "only a" and token != "token-a"):
            return {"error": {"code": 403 if word == "only a" else word, "message": "No."}}
        return {
            "jobId": job_id,
            "jobStatus": "esriJobExecuting" if word == "only a" else word,
            "messages": [{"type": "esriJobMessageTypeInformative", "description": f"Poll {len(self.polls)}"}],
        }

    def until(self, count):
        with self.polled:
            assert self.polled.wait_for(lambda: len(self.polls) >= count, 30)

    def job(self, auth=None, *, name="j1"):
        job = sw.Job.from_url(f"{self.url}{TASK}{name}", auth=auth)
        job.poll_interval = 0.05
        return job


def in_threads(*works):
    """Run all at once, and return what each gave or raised."""
    outcomes = [None] * len(works)

    def run(number):
        try:
            outcomes[number] = works[number]()
        except Exception as error:  # noqa: BLE001 -- told to the test
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def by_watch(job):
    done = threading.Event()
    watch = Poller.shared().watch(job, when_done=lambda _: done.set())
    assert done.wait(60)
    if watch.error is not None:
        raise watch.error.with_traceback(None)
    return job.info


def by_await(job):
    async def last():
        return [info async for info in job.updates()][-1]

    return asyncio.run(last())


WAYS = {"wait": lambda job: job.wait(60), "watch": by_watch, "updates": by_await}
RUN = ["esriJobExecuting"] * 14 + ["esriJobSucceeded"]


@pytest.mark.parametrize(
    "ways", [("wait",) * 4, ("watch",) * 4, ("updates",) * 3, ("wait", "watch", "updates") * 2], ids=" ".join
)
@pytest.mark.parametrize("auth", [None, "token-a"])
def test_however_many_objects_there_are_of_a_job_it_is_polled_once(ways, auth):
    with Service(RUN) as server:
        jobs = [server.job(auth) for _ in ways]
        attached = len(server.polls)
        outcomes = in_threads(
            *(lambda job=job, way=way: WAYS[way](job) for job, way in zip(jobs, ways, strict=True))
        )
        assert [info.status.value for info in outcomes] == ["esriJobSucceeded"] * len(jobs)
        assert max(server.most.values()) == 1
        assert len(server.polls) == max(len(RUN), attached)
    assert len({job.messages for job in jobs}) == 1
    assert all(job.done() for job in jobs)


def test_each_object_has_each_update():
    with Service(RUN) as server:
        jobs = [server.job() for _ in range(3)]
        seen = [[] for _ in jobs]
        in_threads(
            *(
                lambda job=job, told=told: job.wait(60, on_update=told.append)
                for job, told in zip(jobs, seen, strict=True)
            )
        )
        assert len(server.polls) == len(RUN)
    for told in seen:
        assert told[-1].status.is_success
        assert [info.messages[0].text for info in told] == [
            f"Poll {n}" for n in range(len(RUN) - len(told) + 1, len(RUN) + 1)
        ]


def test_a_refresh_of_one_is_seen_by_the_others_without_a_request():
    with Service(["esriJobWaiting", "esriJobWaiting", "esriJobExecuting"]) as server:
        one, other = server.job(), server.job()
        one.refresh()
        assert other.status == sw.JobStatus.EXECUTING
        assert [moment.status.label for moment in other.course] == ["Waiting", "Executing"]
        assert len(server.polls) == 3


def test_a_cell_that_is_run_again_while_a_poll_is_under_way_starts_no_second_one():
    with Service(["esriJobExecuting"], takes_s=0.3) as server:
        job = server.job()
        outcomes = in_threads(job.refresh, *([server.job] * 3))
        assert max(server.most.values()) == 1
        assert len(server.polls) <= 4
    assert all(outcome is not None and not isinstance(outcome, Exception) for outcome in outcomes)


def test_two_widgets_of_one_job_show_the_same_and_poll_once():
    with Service(RUN) as server:
        widgets = [sw.JobWidget.from_url(f"{server.url}{TASK}j1") for _ in range(2)]
        for widget in widgets:
            widget.job.poll_interval = 0.05
        in_threads(*(lambda widget=widget: widget.wait(60) for widget in widgets))
        assert [widget.job_status for widget in widgets] == ["esriJobSucceeded"] * 2
        assert max(server.most.values()) == 1
        assert len(server.polls) == len(RUN)
        for widget in widgets:
            widget.close()


class TestCredentials:
    def test_of_other_tokens_each_is_used_for_its_own_object_only(self):
        with Service(["only a"]) as server:
            with pytest.raises(errors.AuthenticationError):
                server.job("token-b")
            allowed = server.job("token-a")
            allowed.refresh()
            assert allowed.status == sw.JobStatus.EXECUTING
            with pytest.raises(errors.AuthenticationError):
                server.job("token-b")
            with pytest.raises(errors.AuthenticationError):
                server.job(None)
            assert [token for _, token in server.polls[-4:]] == ["token-a", "token-a", "token-b", ""]

    def test_who_is_refused_ends_nobody_else(self):
        with Service(["esriJobExecuting", "esriJobExecuting", "only a"]) as server:
            allowed, refused = server.job("token-a"), server.job("token-b")
            watch = Poller.shared().watch(allowed, print)
            with pytest.raises(errors.AuthenticationError):
                by_watch(refused)
            assert (watch.ended, watch.error) == (False, None)
            server.until(len(server.polls) + 2)
            watch.unsubscribe(print)
            assert server.polls[-1] == ("j1", "token-a")

    @pytest.mark.parametrize("is_same", [True, False])
    def test_objects_share_polls_where_the_same_login_signs_in(self, is_same):
        def tokens():
            return "token-a"

        def others():
            return "token-a"

        with Service(["esriJobWaiting", "esriJobExecuting"]) as server:
            one, other = server.job(tokens), server.job(tokens if is_same else others)
            assert (one.status == other.status) is is_same

    def test_a_referer_makes_it_another_login(self):
        with Service(["esriJobWaiting", "esriJobExecuting"]) as server:
            one = server.job("token-a")
            other = server.job(sw.GPService(server.url, auth="token-a").auth)
            assert one.status == other.status == sw.JobStatus.EXECUTING
            from spatial_widgets.client import Token

            bound = server.job(Token("token-a", referer="https://app.test"))
            bound.refresh()
            assert bound.snapshot is not one.snapshot


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_ends_them_all_and_is_asked_for_once_more_in_all(way):
    with Service(["esriJobExecuting", "esriJobExecuting", "esriJobExecuting", 404]) as server:
        jobs = [server.job() for _ in range(2)]
        outcomes = in_threads(*(lambda job=job: WAYS[way](job) for job in jobs))
        assert [type(outcome) for outcome in outcomes] == [errors.NotFound] * 2
        assert max(server.most.values()) == 1
        assert len(server.polls) == 5


def test_a_cancel_that_one_object_wants_is_sent_by_whoever_polls_next():
    with Service(["esriJobSubmitted"] * 4 + ["esriJobExecuting"] * 3 + ["esriJobCancelled"]) as server:
        one, other = server.job(), server.job()
        one.cancel()
        assert (one.cancel_pending, other.cancel_pending) == (True, True)
        with pytest.raises(errors.JobCancelled):
            other.wait(60)
        assert one.status == sw.JobStatus.CANCELLED
        assert len(server.cancels) == 2
        assert not one.cancel_pending


def test_an_interval_that_one_object_sets_holds_for_all():
    with Service(["esriJobExecuting"]) as server:
        slow, quick = server.job(), server.job()
        slow.poll_interval = 600.0
        watch = Poller.shared().watch(slow, print)
        same = Poller.shared().watch(quick, print)
        quick.poll_interval = 0.02
        server.until(len(server.polls) + 5)
        watch.unsubscribe(print)
        same.unsubscribe(print)


def test_a_job_that_nobody_holds_any_more_is_forgotten():
    import gc

    with Service(["esriJobWaiting", "esriJobExecuting"]) as server:
        server.job().refresh()
        gc.collect()
        assert [moment.status.label for moment in server.job().course] == ["Executing"]


def test_a_poll_that_another_one_holds_up_tells_what_that_one_came_to():
    with Service(["esriJobExecuting"]) as server:
        one, other = server.job(), server.job()
        server.takes_s = 600.0  # until the end
        with pytest.raises(errors.TransportTimeout, match="no whole answer"):
            one.refresh(deadline_s=0.2)
        hanging = threading.Thread(target=in_threads, args=(lambda: one.refresh(deadline_s=5.0),))
        hanging.start()
        with server.polled:
            assert server.polled.wait_for(lambda: sum(server.inside.values()) == 2, 30)
        with pytest.raises(
            errors.TransportTimeout, match="another poll .* The last one failed: .* no whole answer"
        ):
            other.refresh(deadline_s=0.2)
        hanging.join(30)


def test_a_service_that_gives_an_id_a_second_time_gives_another_job():
    app = ScriptedApp(["esriJobFailed"])
    task = app.service().task("Buffer")
    old = task.submit(inputLayer=POINT_LAYER)
    old.wait(check=False)
    app.polls = ["esriJobExecuting", "esriJobSucceeded"]
    new = task.submit(inputLayer=POINT_LAYER)
    assert new.status == sw.JobStatus.SUBMITTED
    assert new.wait(60).status.is_success
    assert task.attach(new.job_id).status.is_success
    assert old.status == sw.JobStatus.FAILED
