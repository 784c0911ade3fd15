"""Real processes that watch jobs of a silent server: they end, are interrupted, and fork."""

import json
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from raw_server import RawServer, silent

JOB = "j0123456789abcdef0123456789abcdef"

START = """
import json, os, signal, sys, threading
from spatial_widgets.client import GPService, Job, Poller

def job(number=0, status="Executing", **service):
    url = sys.argv[1] + "/Buffer/jobs/j" + str(number)
    made = Job.from_json(json.dumps({"url": url, "info": {"jobId": "j", "jobStatus": "esriJob" + status}}))
    if service:
        made.task.service = GPService(sys.argv[1], **service)
    return made

def say(**what):
    print(json.dumps(what), flush=True)
"""


class Program:
    """A python of its own, whose lines are JSON."""

    def __init__(self, code, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-c", START + textwrap.dedent(code), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def answer(document, **headers):
    body = json.dumps(document).encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode()
    return lambda connection, server: connection.sendall(head + body)


@pytest.mark.parametrize("how", ["the end of the script", "sys.exit", "SIGTERM", "an exception"])
def test_a_process_that_watches_a_hundred_jobs_of_a_silent_server_ends_at_once(how):
    code = """
    watches = [Poller.shared().watch(job(n), lambda w: None, when_done=print) for n in range(100)]
    while len([w for w in watches if w.errand is not None and w.errand.started]) < 24:
        threading.Event().wait(0.01)
    say(threads=threading.active_count())
    if sys.argv[2] == "sys.exit":
        sys.exit(3)
    if sys.argv[2] == "an exception":
        raise LookupError("on purpose")
    if sys.argv[2] == "SIGTERM":
        signal.pause()
    """
    with RawServer(silent) as server, Program(code, server.url, how) as program:
        assert program.hear()["threads"] >= 25
        if how == "SIGTERM":
            program.process.terminate()
        began = time.monotonic()
        status = program.process.wait(20)
        assert (
            time.monotonic() - began < 10
        )  # tenths of that, on a machine that is not busy; a request may take 30 s
        expected = {"sys.exit": 3, "SIGTERM": -signal.SIGTERM, "an exception": 1}
        assert status == expected.get(how, 0)
        errors = program.process.stderr.read()
        assert ("LookupError" in errors) == (how == "an exception")
        assert "Fatal" not in errors


PHASES = {
    "a request that is not answered": ("readinto", "job(1).wait()"),
    "the pause between two polls": ("_pause", "job(2).wait()"),
    "a watch": ("wait_for_change", "watched(3).wait()"),
    "the poll of another thread": ("take", "polled(4).wait()"),
    "a maker of tokens": ("_asked", "job(5, auth=threading.Event().wait).wait()"),
    "the result's own request": ("readinto", "job(6, status='Succeeded').result('bufferLayer')"),
    "the waiting of result()": ("wait_for_change", "watched(7).result()"),
    "a watch of a lost job": ("wait_for_change", "lost(8).wait()"),
}


@pytest.mark.parametrize(("where", "act"), PHASES.values(), ids=PHASES)
def test_ctrl_c_returns_at_once_leaves_the_job_and_says_how_to_cancel(where, act):
    code = """
    from time import monotonic
    where = sys.argv[2]
    sent = []

    def watched(number):
        made = job(number)
        Poller.shared().watch(made, lambda w: None)
        return made

    def lost(number):
        made = watched(number)
        made.watch.look_again()
        return made

    def polled(number):
        made, inside = job(number), threading.Event()
        threading.Thread(target=made.refresh, daemon=True).start()
        while made.snapshot._turns._owner is None:
            threading.Event().wait(0.01)
        return made

    def interrupt():
        while True:
            frame = sys._current_frames()[threading.main_thread().ident]
            names = []
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
            if where in names:
                break
            threading.Event().wait(0.01)
        threading.Event().wait(0.05)
        sent.append(monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        ACT
    except KeyboardInterrupt as error:
        say(took=monotonic() - sent[0], notes=error.__notes__)
    """

    def handle(connection, server):
        if "/j2?" in server.mine.head:
            answer({"jobId": JOB, "jobStatus": "esriJobExecuting"}, Retry_After=300)(connection, server)
        else:
            silent(connection, server)

    with RawServer(handle) as server, Program(code.replace("ACT", act), server.url, where) as program:
        heard = program.hear()
        assert heard["took"] < 5  # hundredths of that, on a machine that is not busy
        (note,) = heard["notes"]
        assert ("job.result('bufferLayer')" if "bufferLayer" in act else "job.cancel()") in note
        assert program.process.wait(20) == 0, program.process.stderr.read()
        assert not [r for r in server.requests if "cancel" in r]


@pytest.mark.parametrize("act", ["job().wait()", "job().wait(1)"])
def test_a_name_server_that_says_nothing_holds_up_neither_ctrl_c_nor_a_time_out(act):
    # The system's look-up blocks its thread, and heeds no signal; as does this one.
    code = """
    import ctypes, socket, time
    from time import monotonic
    from spatial_widgets import errors
    asked, sent = threading.Event(), [monotonic()]

    def look_up(*arguments, **options):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        asked.set()
        ctypes.CDLL(None).sleep(20)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    socket.getaddrinfo = look_up

    def interrupt():
        asked.wait()
        sent[0] = monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    if sys.argv[2] == "job().wait()":
        threading.Thread(target=interrupt, daemon=True).start()
    try:
        ACT
    except KeyboardInterrupt as error:
        say(took=monotonic() - sent[0], said=error.__notes__[0])
    except errors.WaitTimeout as error:
        say(took=monotonic() - sent[0], said=str(error.__cause__))
    os._exit(0)
    """
    url = "http://gis.nowhere.test/arcgis/rest/services/x/GPServer"
    with Program(code.replace("ACT", act), url, act) as program:
        heard = program.hear()
    assert heard["took"] < 8
    assert ("job.cancel()" if act == "job().wait()" else "gis.nowhere.test was not looked up") in heard[
        "said"
    ]


@pytest.mark.parametrize("way", ["os.fork", "multiprocessing"])
def test_a_forked_child_does_not_poll_the_parents_jobs_and_can_use_its_own(way):
    code = """
    import multiprocessing, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, from Python 3.12 on

    watched = [job(f"-watched-{n}", auth="some-token") for n in range(5)]
    told = []
    for each in watched:
        Poller.shared().watch(each, told.append)
    while not all(w.watch.errand is not None and w.watch.errand.started for w in watched):
        threading.Event().wait(0.01)
    mine = job("-answers", auth=lambda: "some-token")
    mine.refresh()

    def child():
        told.clear()
        threads = [t.name for t in threading.enumerate()]
        inherited = watched[0]
        assert inherited.watch is None
        before = mine.refresh().status
        ended = threading.Event()
        Poller.shared().watch(mine, when_done=lambda w: ended.set())
        assert ended.wait(10)
        try:
            inherited.refresh(deadline_s=0.5)  # its own request, not the parent's lock
            trouble = ""
        except Exception as error:
            trouble = str(error)
        say(threads=threads, statuses=[before, mine.status], told=len(told), trouble=trouble)

    if sys.argv[2] == "os.fork":
        pid = os.fork()
        if pid == 0:
            child()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    else:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(20)
        code = process.exitcode
    say(code=code, alive=Poller.shared()._thread.is_alive(), here=mine.refresh().status)
    """

    def handle(connection, server):
        if "-answers?" in server.mine.head:
            polls = [r for r in server.requests if "-answers?" in r]
            status = "esriJobExecuting" if len(polls) <= 2 else "esriJobSucceeded"
            answer({"jobId": JOB, "jobStatus": status})(connection, server)
        else:
            silent(connection, server)

    with RawServer(handle) as server, Program(code, server.url, way) as program:
        heard = program.hear()
        assert heard == {
            "threads": ["MainThread"],
            "statuses": ["esriJobExecuting", "esriJobSucceeded"],
            "told": 0,
            "trouble": heard["trouble"],
        }
        assert "no whole answer within 0.5 s" in heard["trouble"]
        assert program.hear() == {"code": 0, "alive": True, "here": "esriJobSucceeded"}
        assert program.process.wait(20) == 0, program.process.stderr.read()
        asked = [r.split()[1].split("?")[0].rpartition("/")[2] for r in server.requests]
        assert asked.count("j-watched-0") == 2
        assert all(asked.count(f"j-watched-{n}") == 1 for n in range(1, 5))


@pytest.mark.parametrize(
    "held",
    ["traces._health._lock", "login._lock", "collecting._lock"],
)
def test_no_lock_that_another_thread_held_stops_a_forked_child(held):
    code = """
    import gc, warnings
    from spatial_widgets.client import UserLogin, traces
    from spatial_widgets.codec import collecting, decode_features
    warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, from Python 3.12 on

    login = UserLogin("ana", "secret", portal="https://portal.test")
    inside = threading.Event()

    def hold():
        with collecting.no_collection(), HELD:
            inside.set()
            threading.Event().wait()

    threading.Thread(target=hold, daemon=True).start()
    inside.wait()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        traces.gone(job().task, "j1")
        login.source("https://gis.test/arcgis/rest/services/x/GPServer", None)
        decode_features(b'{"fields": [], "features": []}')
        say(collects=gc.isenabled())
        os._exit(0)
    say(code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    with Program(code.replace("HELD", held), "https://gp.test/arcgis/rest/services/x/GPServer") as program:
        assert program.hear() == {"collects": True}
        assert program.hear() == {"code": 0}


def test_a_process_without_room_for_threads_says_so_and_does_not_hang():
    code = """
    import resource
    from spatial_widgets import errors
    from spatial_widgets.client.policy import ContactPolicy
    made = job(0)
    made.contact_policy = ContactPolicy(failures=2, silence_s=0.05, first_s=0.01, max_s=0.02)
    real = threading.Thread.start

    def start(thread):
        if thread.name.startswith("spatial-widgets-request"):
            raise RuntimeError("can't start new thread")
        real(thread)

    threading.Thread.start = start
    Poller.shared().watch(made, lambda w: None)
    try:
        made.wait(timeout=10)
    except errors.JobLost as error:
        say(said=str(error))
    """
    with RawServer(silent) as server, Program(code, server.url) as program:
        assert "can't start new thread" in program.hear()["said"]
        assert program.process.wait(20) == 0, program.process.stderr.read()
