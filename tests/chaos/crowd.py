"""The client's side of the chaos: many jobs, used in every way at once, and a report of how each ended."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import GPService, GPSession, Job, Poller
from spatial_widgets.client.policy import ContactPolicy, PollPolicy, RetryPolicy

POLL = PollPolicy(min_s=0.05, max_s=0.4, progress_max_s=0.3)
CONTACT = ContactPolicy(
    failures=5,
    silence_s=2.0,
    latest_s=150.0,
    first_s=0.05,
    max_s=0.5,
    deadline_s=20.0,  # a busy machine's own delays must not count as the server's
    failing_deadline_s=12.0,
)
RETRY = RetryPolicy(first_s=0.2)  # outlasts a shut door
PATIENCE_S = 200.0  # a job that takes longer has been forgotten
USES = {
    "wait": 25,
    "result": 20,
    "await": 15,
    "widget": 20,
    "subscriber": 10,
    "widget and wait": 10,
    "twins": 10,
}
ENDS = (errors.JobError, errors.JobLost)


class Tokens:
    """Makes one token after the other, as a function that logs in does."""

    def __init__(self, secret):
        self.secret = secret
        self.numbers = itertools.count()

    def __call__(self):
        return f"{self.secret}/{next(self.numbers):04d}+="


def quick(job):
    """Return the same job with the small numbers of a test."""
    return Job(job.task, job.info, poll=POLL, contact=CONTACT)


class Report:
    """What the users of one job were told."""

    def __init__(self, number, use):
        self.number, self.use = number, use
        self.job_id = ""
        self.submit_error = None
        self.seen = set()  # status words
        self.ends = []  # (who, kind, detail, url, when)
        self.rows = []  # what results said whose they are
        self.result_errors = []  # (what was said, when)
        self.cancels = 0

    def end(self, who, outcome, job):
        """Write down how the job ended for one of its users; an error is sorted by what it says."""
        now = time.monotonic()
        if isinstance(outcome, errors.JobError):
            outcome = outcome.info
        if outcome is None or isinstance(outcome, sw.JobInfo):
            info = outcome or job.info
            self.ends.append((who, "status", info.status.value, "", now))
        elif isinstance(outcome, errors.JobLost):
            self.ends.append((who, "lost", str(outcome.__cause__), outcome.url, now))
        elif isinstance(outcome, errors.ServiceError):
            self.ends.append((who, "refused", str(outcome.code), outcome.url, now))
        else:
            self.ends.append((who, "error", repr(outcome), getattr(outcome, "url", ""), now))


class Crowd:
    """``jobs`` jobs on one service.

    ``texts`` collects every text that somebody could read; tokens are looked for in it.
    """

    def __init__(self, url, *, seed, jobs, secret, uses=None):
        self.seed, self.uses = seed, uses or USES
        self.reports = [Report(n, self._draw(n, "use").choices(*self._weights())[0]) for n in range(jobs)]
        self.texts = []
        self.errors = Counter()
        tokens = Tokens(secret)
        self.service = GPService(url, auth=tokens, session=GPSession(url, auth=tokens, retry=RETRY))
        self.tasks = [self.service.task("Chaos") for _ in range(max(1, jobs // 50))]

    def _weights(self):
        return list(self.uses), list(self.uses.values())

    def _draw(self, number, what):
        return random.Random(f"{self.seed}/{number}/{what}")

    def run(self):
        """Live through all of it."""
        with (
            ThreadPoolExecutor(32, "chaos-caller") as self.callers,
            ThreadPoolExecutor(12, "chaos-hand") as self.hands,
        ):
            asyncio.run(self._all())
        self.texts += [repr(x) for x in (self.service, self.service.session, *self.tasks)]
        self.callers = self.hands = None

    async def _all(self):
        await asyncio.gather(*(self._live(report) for report in self.reports))

    async def _in(self, pool, work, *arguments, **named):
        return await asyncio.get_running_loop().run_in_executor(pool, partial(work, *arguments, **named))

    # ------------------------------------------------------------ one job

    async def _live(self, report):
        try:
            task = self.tasks[report.number % len(self.tasks)]
            job = quick(await self._in(self.hands, task.submit, number=report.number))
        except Exception as error:  # noqa: BLE001 -- what is no error of ours is a finding
            report.submit_error = self.tell(error)
            return
        report.job_id = job.job_id
        report.seen.add(job.status.value)
        hand = asyncio.ensure_future(self._meddle(report, job))
        await getattr(self, "_" + report.use.replace(" ", "_"))(report, job)
        await hand
        report.seen.add(job.status.value)
        self.texts += [repr(job), job.to_json(), repr(job.info), repr(job.messages)]

    async def _meddle(self, report, job):
        """Cancel or refresh from another thread while the job is in use."""
        draw = self._draw(report.number, "hand")
        if draw.random() < 0.2:
            await asyncio.sleep(draw.uniform(0, 0.5))
            report.cancels += 1
            await self._in(self.hands, self._try, job.cancel)
        if draw.random() < 0.2:
            for _ in range(draw.randint(1, 4)):
                await asyncio.sleep(draw.uniform(0, 0.3))
                await self._in(self.hands, self._try, job.refresh)
                report.seen.add(job.status.value)

    def _try(self, act):
        try:
            act()
        except Exception as error:  # noqa: BLE001 -- what is no error of ours is a finding
            self.tell(error)

    def tell(self, error):
        """Keep all that an error says, and return its kind."""
        self.errors[type(error).__name__] += 1
        self.texts += ["".join(traceback.format_exception(error)), repr(vars(error))]
        return type(error).__name__

    async def _wait(self, report, job):
        draw = self._draw(report.number, "wait")
        see = lambda info: report.seen.add(info.status.value)  # noqa: E731
        check = draw.random() < 0.5
        try:
            info = await self._in(self.callers, job.wait, PATIENCE_S, check=check, on_update=see)
        except Exception as error:  # noqa: BLE001 -- what is no error of ours is a finding
            self.tell(error)
            info = error
        report.end("wait", info, job)

    async def _result(self, report, job):
        await self._fetch(report, job, lambda: self._in(self.callers, job.result, timeout=PATIENCE_S))

    async def _await(self, report, job):
        await self._fetch(report, job, lambda: asyncio.wait_for(_awaited(job), PATIENCE_S))

    async def _fetch(self, report, job, read):
        """Read the result, again where it was the result that failed."""
        for _ in range(4):
            try:
                frame = await read()
            except Exception as error:  # noqa: BLE001 -- the same
                self.tell(error)
                if job.status.is_success and not isinstance(error, ENDS):
                    report.result_errors.append((str(error), time.monotonic()))
                    continue
                report.end(report.use, error, job)
                return
            report.rows += frame["n"].tolist()
            report.end(report.use, None, job)
            return
        report.end(
            report.use, errors.ProtocolError("no result after four tries", url=f"{job.url}/results"), job
        )

    async def _subscriber(self, report, job):
        listen = lambda watch: report.seen.add(watch.job.status.value)  # noqa: E731
        watch = Poller.shared().watch(job, listen)
        await self._watched(report, job, watch)
        watch.unsubscribe(listen)

    async def _widget(self, report, job):
        widget = sw.JobWidget(job)
        widget.observe(lambda change: report.seen.add(change.new), "job_status")
        try:
            await self._watched(report, job, job.watch)
            await self._loaded(report, job, widget)
            if self._draw(report.number, "refresh").random() < 0.3:
                await self._in(self.hands, self._try, widget.refresh)
        finally:
            report.seen.add(widget.job_status)
            data = widget._repr_mimebundle_()
            self.texts += [repr(widget), repr(widget.get_state()), repr(widget.messages), repr(data)]
            widget.close()

    async def _loaded(self, report, job, widget):
        """Wait for the results of a widget whose job succeeded."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        widget.observe(lambda _: loop.call_soon_threadsafe(told.set), ["results_ready", "error"])
        if job.status.is_success and not (widget.results_ready or widget.error):
            try:
                await asyncio.wait_for(told.wait(), PATIENCE_S)
            except TimeoutError as error:
                report.end("widget's results", error, job)
        if widget.results_ready:
            report.rows += widget.results["outputLayer"]["n"].tolist()
        elif widget.error and job.status.is_success:
            report.result_errors.append((widget.error, time.monotonic()))

    async def _twins(self, report, job):
        """Use two objects of one job, in two ways."""
        await asyncio.gather(self._wait(report, job), self._subscriber(report, quick(job)))

    async def _widget_and_wait(self, report, job):
        await asyncio.gather(self._widget(report, job), self._wait(report, job))

    async def _watched(self, report, job, watch):
        loop, done, outcomes = asyncio.get_running_loop(), asyncio.Event(), []

        def ended(watch):
            outcomes.append(watch.error)  # here and now: a refresh may find a lost job again
            loop.call_soon_threadsafe(done.set)

        watch.when_done(ended)
        try:
            await asyncio.wait_for(done.wait(), PATIENCE_S)
        except TimeoutError as error:
            outcomes.append(error)
        if outcomes[0] is not None:
            self.tell(outcomes[0])
        report.end("watch", outcomes[0], job)


async def _awaited(job):
    return await job
