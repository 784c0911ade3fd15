"""What must hold after the chaos: each rule gives a line for everything that breaks it."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from chaos.crowd import CONTACT

_SLACK_S = 0.15  # two processes wrote down the moments
_TURNED_S = 2.0  # who was turned away says so a little later
_HARD = {"400", "401", "403", "404"}
_TOKEN = {"498", "499"}


def broken(crowd, account):
    """Yield ``(rule, what)`` for everything that broke a rule about jobs."""
    for report, job in zip(crowd.reports, account["jobs"], strict=True):
        for rule in (_submits, _ends, _words, _overlaps, _results):
            for what in rule(report, job, account):
                shown = f"job {report.number} ({report.use}): {what}\n    {report.ends}\n    {job}"
                yield rule.__name__.strip("_"), shown


def _submits(report, job, _account):
    """One submission each, again only after a refused token; a lost answer is an error to the caller."""
    asked = job["submits"]
    refused = [kind == "error 498" for kind in asked]
    if len(asked) > 1 and not (len(asked) == 2 and refused[0]):
        yield f"submitted {len(asked)} times: {asked}"
    if job["made"] > 1:
        yield f"{job['made']} jobs were made"
    answered = bool(asked) and asked[-1] == ""
    if answered and report.submit_error:
        yield f"the answer came, and the caller got {report.submit_error}"
    if not answered and not report.submit_error:
        yield f"no good answer came, and the caller got a job ({asked})"
    if report.job_id and report.job_id != job["id"]:
        yield f"the caller got the job {report.job_id}, the server made {job['id']}"


def _ends(report, job, account):
    """Each user of a job heard what the server held at last, or why it could not be told."""
    for who, kind, detail, url, when in report.ends:
        if kind == "status":
            if detail != job["final"]:
                yield f"{who} ended with {detail!r}, the server holds {job['final']!r}"
        elif kind == "lost":
            if not _was_silent(job["polls"], account["closed"], when):
                yield f"{who} lost contact, and the server did not misbehave long enough"
        elif kind == "refused":
            if not url.endswith(job["id"]) or not _was_refused(job["polls"], detail):
                yield f"{who} ended with error {detail} of {url}, which was not the server's last word on it"
        else:
            yield f"{who} ended with {detail} of {url}"
    if report.job_id and not report.ends:
        yield "nobody was told how it ended"


def _was_silent(polls, closed, until):
    """Whether the server gave no good answer for long enough, and failed often enough in that time."""
    start, soft = None, 0
    for kind, at in [*polls, ["good", max(until, polls[-1][1] if polls else 0)]]:
        if kind == "good":
            # Who is refused at a shut door leaves no trace; the pauses are longer than it stays shut.
            missing = sum(shut < at and opened > (start or 0) for shut, opened in closed)
            long_enough = start is None or at - start >= CONTACT.silence_s - _SLACK_S
            if soft + missing >= CONTACT.failures and long_enough:
                return True
            start, soft = at, 0
        soft += kind == "soft"
    return False


def _was_refused(polls, code):
    """Whether the server refused a job for good: twice with no good answer between; a token at its own door at once."""
    before = last = None
    for kind, _at in polls:
        if kind in _TOKEN and last in _TOKEN and kind == code:
            return True
        # A token that is wanted where a redirect led is a refusal like any other.
        is_refusal = kind in _HARD or (kind in _TOKEN and last == "hop")
        if is_refusal and before and kind == code:
            return True
        if kind == "good":
            before = None
        elif is_refusal:
            before = kind
        last = kind
    return False


def _words(report, job, _account):
    """No status that the server never said; Cancelling also where it took a cancel."""
    said = {word.strip().casefold() for word in job["said"]}
    if "" in job["cancels"]:
        said.add("esrijobcancelling")
    for word in sorted(report.seen):
        if word.strip().casefold() not in said:
            yield f"showed {word!r}, the server said {sorted(said)}"


def _overlaps(_report, job, _account):
    if job["overlaps"]:
        yield f"{job['overlaps']} polls began while another was under way"


def _results(report, job, account):
    """The rows are the job's own, and nobody failed more often than the server did."""
    if set(report.rows) - {report.number}:
        yield f"the result holds the rows of {set(report.rows)}"
    failed = sum(kind != "" for kind in job["results"])
    told = [
        what for what, when in report.result_errors if not _was_turned_away(what, when, account["closed"])
    ]
    if len(told) > failed:
        yield f"the server failed {failed} times, the users were told: {told}"


def _was_turned_away(what, when, closed):
    """Whether the last attempt found the door shut: refused, or reset while it stood in front of it. No trace is left."""
    is_near = any(shut - _SLACK_S < when < opened + _TURNED_S for shut, opened in closed)
    return is_near and ("Connection refused" in what or "Connection reset" in what)


# ---------------------------------------------------------------- secrets


def shown(secret, text):
    """Return the surroundings of every place where a text shows the secret, in any usual spelling."""
    plain = unquote(re.sub(r"\\+u00([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), text))
    return {
        each[max(0, found.start() - 150) : found.end() + 60]
        for each in (text, plain)
        for found in re.finditer(re.escape(secret), each)
    }


def leaks(secret, account, **texts):
    """Yield ``(rule, what)`` for every place where a token was seen that it must not be in."""
    for door, line in account["leaks"]:
        yield "token at " + door, line
    for where, pieces in texts.items():
        found = shown(secret, "\n".join(pieces))
        if found:
            yield f"token in {where}", f"{len(found)} times, such as {json.dumps(min(found))}"
