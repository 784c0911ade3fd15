"""Endings by what a job's document says: its status, its messages, and all else that is in it."""

from endings.case import EXECUTING, SUCCEEDED, Case, goes_on, soft, verdict
from endings.server import JOB_ID, esri_error, job, say, status
from spatial_widgets import errors

GONE = "Submit again"


def on_the_way(name, word):
    return goes_on(name, status(word), status(word), status(SUCCEEDED), shows=word, start="")


def log(name, *lists, check=lambda run: None, **more):
    """Return a case that ends well whatever its messages are: one list a poll, the last with the end."""
    polls = [say({**job(EXECUTING), "messages": messages}) for messages in lists[:-1]]
    return goes_on(name, *polls, say({**job(SUCCEEDED), "messages": lists[-1]}), check=check, **more)


def line(text, kind="Informative"):
    return {"type": f"esriJobMessageType{kind}", "description": text}


def shows_log(*texts):
    """Return a check that the widget's log holds these texts, in this order, each once."""

    def check(run):
        assert [m.description for m in run.widget._log.messages] == list(texts)

    return check


def percent(value):
    """Return a check that this percentage was seen, and nothing out of range."""

    def check(run):
        assert value in [None, *run.widget.seen["progress"]]
        assert all(p is None or 0 <= p <= 100 for p in run.widget.seen["progress"])

    return check


def working(name, progress, shown, **more):
    poll = say({**job(EXECUTING), "progress": progress})
    return goes_on(name, poll, poll, status(SUCCEEDED), check=percent(shown), **more)


def document(name, **parts):
    """Return a case of a job that succeeded with odd parts in its document."""
    return goes_on(name, say({**job(EXECUTING), **parts}), say({**job(SUCCEEDED), **parts}))


STATUSES = [
    on_the_way("status-new", "esriJobNew"),
    on_the_way("status-submitted", "esriJobSubmitted"),
    on_the_way("status-waiting", "esriJobWaiting"),
    on_the_way("status-executing", EXECUTING),
    goes_on("status-succeeded", status(SUCCEEDED), status(EXECUTING), shows="", most=1),
    verdict("status-failed", say(job("esriJobFailed", "ERROR 000735: no layer", "ERROR 000735: no layer", "Failed.")), "esriJobFailed", errors.JobFailed, "failed. Mend the cause and submit again", "The service says:\nERROR 000735: no layer\nFailed."),
    verdict("status-failed-without-a-word", say({"jobId": JOB_ID, "jobStatus": "esriJobFailed"}), "esriJobFailed", errors.JobFailed, "It left no error message", "submit again"),
    verdict("status-timed-out", status("esriJobTimedOut"), "esriJobTimedOut", errors.JobTimedOut, "service's time limit", "Ask for less"),
    Case(name="status-cancelling", scripts={"poll": (status("esriJobCancelling"), status("esriJobCancelled"))}, raises=errors.JobCancelled, ends="esriJobCancelled", shows="esriJobCancelling", says=(GONE,), runs=True, most=2),
    verdict("status-cancelled", status("esriJobCancelled"), "esriJobCancelled", errors.JobCancelled, GONE),
    Case(name="status-deleting", scripts={"poll": (status("esriJobDeleting"), status("esriJobDeleted"))}, raises=errors.JobDeleted, ends="esriJobDeleted", shows="esriJobDeleting", says=(GONE,), runs=True, most=2),
    verdict("status-deleted", status("esriJobDeleted"), "esriJobDeleted", errors.JobDeleted, "was deleted", GONE),
    verdict("status-expected-failure", say(job("expectedFailure", "no credits")), "expectedFailure", errors.JobFailed, "expected failure", "no credits"),
    on_the_way("status-unknown", "esriJobPaused"),
    Case(name="status-unknown-for-ever", scripts={"poll": (status("esriJobPaused"),)}, raises=errors.WaitTimeout, ends="esriJobPaused", timeout=0.3, runs=True, most=20, says=("'esriJobPaused'", "not know", "wait()", "cancel()")),
    goes_on("status-in-other-letters", status("ESRIJOBEXECUTING"), status(" esriJobsucceeded ")),
    soft("status-missing", say({"jobId": JOB_ID, "messages": []}), "no jobStatus"),
    soft("status-null", say({"jobId": JOB_ID, "jobStatus": None}), "no jobStatus"),
    soft("status-no-text", say({"jobId": JOB_ID, "jobStatus": 4}), "no jobStatus"),
    Case(name="our-patience", scripts={"poll": (status(EXECUTING),)}, raises=errors.WaitTimeout, ends=EXECUTING, timeout=0.3, runs=True, most=20, says=("still Executing", "goes on", "wait()", "cancel()")),
    goes_on("status-backwards", status(EXECUTING), status("esriJobWaiting"), status(EXECUTING), status(SUCCEEDED), check=lambda run: run.saw("esriJobWaiting")),
    goes_on("job-id-changes", say({**job(EXECUTING), "jobId": "jsomebodyelses"}), say({**job(SUCCEEDED), "jobId": "jsomebodyelses"}), check=lambda run: run.is_still(JOB_ID)),
]  # fmt: skip

PURGED = [
    Case(name="purged-404", scripts={"poll": (status(EXECUTING), say(esri_error(404, "Job not found.")))}, raises=errors.NotFound, ends=EXECUTING, runs=True, says=("Job not found", "may still run", "delete old jobs")),
    Case(name="purged-400", scripts={"poll": (status(EXECUTING), say(esri_error(400, f"Job {JOB_ID} does not exist.")))}, raises=errors.ServiceError, ends=EXECUTING, runs=True, says=("does not exist", "may still run", "delete old jobs")),
]  # fmt: skip

MESSAGES = [
    log("messages-shrink", [line("a"), line("b"), line("c")], [line("c")], [line("c"), line("d")], check=shows_log("a", "b", "c", "d")),
    log("messages-repeat", [line("a"), line("a")], [line("a"), line("a"), line("a")], [line("a"), line("a"), line("a")], check=shows_log("a", "a", "a")),
    log("messages-missing", [line("a")], None, [line("a"), line("b")], check=shows_log("a", "b")),
    log("messages-no-list", "all is well", {"0": "a"}, 7, check=shows_log()),
    log("messages-wrong-types", [None, 7, "bare", ["x"], {"type": 3, "description": 4}, {"description": None}], [], check=lambda run: run.logged("7", "bare", "4")),
    log("messages-html", [line("<img src=x onerror=alert(1)><script>alert(2)</script>")], [line("<b>")], check=lambda run: run.escapes("<script>", "<img")),
    log("messages-surrogates", [line("half \ud83d of a pair, and whole \U0001f30d")], [line("half \ud83d of a pair, and whole \U0001f30d")], check=shows_log("half \ufffd of a pair, and whole \U0001f30d")),
    log("messages-terminal-codes", [line("\x1b[2Jred\rblue")], [line("\x1b[2Jred\rblue")], check=shows_log("\x1b[2Jred\rblue")),
    log("messages-nul", [line("a\x00b")], [line("a\x00b")], check=shows_log("a\x00b")),
    log("messages-5-mb-line", [line("x" * 5_000_000)], [line("x" * 5_000_000)], check=lambda run: run.logged("x" * 5_000_000)),
    verdict("failed-with-a-5-mb-line", say(job("esriJobFailed", "begin " + "x" * 5_000_000)), "esriJobFailed", errors.JobFailed, "begin xxx", "characters in all"),
    verdict("failed-with-terminal-codes", say(job("esriJobFailed", "\x1b[2J\x1b]0;mine\x07red\rblue \x9b31m")), "esriJobFailed", errors.JobFailed, "red", "blue"),
    verdict("failed-with-surrogates", say(job("esriJobFailed", "half \udc00 pair")), "esriJobFailed", errors.JobFailed, "half \ufffd pair"),
    working("progress-too-high", {"type": "step", "percent": 150, "message": "more"}, 100.0),
    working("progress-too-low", {"type": "step", "percent": -3}, 0.0),
    working("progress-endless", {"type": "step", "percent": 10**400}, 100.0),
    working("progress-wrong-types", {"type": 7, "percent": "40", "message": ["x"]}, None),
    working("progress-no-object", [40], None),
    document("results-no-object", results=["bufferLayer"]),
    document("results-no-links", results={"bufferLayer": None}),
    document("inputs-no-object", inputs="none"),
]  # fmt: skip

CASES = [*STATUSES, *PURGED, *MESSAGES]
