"""What the chaos server knows of each job: its life by the number of polls, and the account of what was said.

Everything is drawn from (seed, job number, operation, request number), so that the order in which requests of
different jobs arrive changes nothing; only a token that expires and a door that shuts reach beyond their own
request. Standard library only.
"""

from __future__ import annotations

import json
import random
import time

from chaos.trouble import dumps, http, spelled

RUNNING = ["esriJobNew", "esriJobSubmitted", "esriJobWaiting", "esriJobExecuting"]
ODD_WORDS = ["esriJobPaused", "", "Queued\u0007", "ESRIJOBEXECUTING", " esriJobExecuting ", "esriJobDeleting"]
ENDS = {
    "esriJobSucceeded": 70,
    "esriJobFailed": 12,
    "esriJobTimedOut": 5,
    "esriJobCancelled": 5,
    "esriJobDeleted": 4,
    "expectedFailure": 4,
}
LIVES = {"usual": 95, "dead": 1.5, "purged": 2.5, "refused": 1}


class Life:
    """One job at the server."""

    def __init__(self, seed, number, weights):
        self.seed, self.number = seed, number
        rng = self.rng("life", 0)
        self.job_id = f"j{rng.getrandbits(128):032x}"
        self.kind = rng.choices(list(weights), list(weights.values()))[0]
        self.length = rng.randint(1, 9)
        self.end = rng.choices(list(ENDS), list(ENDS.values()))[0]
        self.cancel_ends = rng.random() < 0.8
        self.is_stubborn = rng.random() < 0.2  # refuses every cancel
        self.has_started = False
        self.cancel_length = rng.randint(1, 4)
        self.counts = {}
        self.final = None
        self.cancelled_at = None
        self.running = 0
        self.account = {
            "said": [],
            "polls": [],
            "overlaps": 0,
            "submits": [],
            "made": 0,
            "cancels": [],
            "results": [],
        }

    def rng(self, operation, count):
        return random.Random(f"{self.seed}/{self.number}/{operation}/{count}")

    def next(self, operation):
        """Return the number of this request of its kind, from 0, and its own generator."""
        count = self.counts.get(operation, 0)
        self.counts[operation] = count + 1
        return count, self.rng(operation, count)

    def trouble_for_ever(self, count):
        """Return the kind of trouble that this job's polls have come to, or ""."""
        if self.kind == "usual" or count < self.length:
            return ""
        ever = {"dead": ["error 500 in 200", "HTTP 502", "reset before headers", "HTML"]}
        ever |= {"purged": ["error 404", "error 400"][self.length % 2 :][:1], "refused": ["error 498"]}
        return self.rng("ever", count).choice(ever[self.kind])

    def word(self, count, rng):
        """Return the status at poll ``count``, and take note where it is the last."""
        self.has_started |= count > 0
        if self.final is None:
            if self.cancelled_at is not None:
                if count < self.cancelled_at + self.cancel_length:
                    return "esriJobCancelling"
                self.final = "esriJobCancelled" if self.cancel_ends else self.end
            elif count >= self.length and self.kind == "usual":
                self.final = self.end
            else:
                step = min(3, 1 + count)
                back = rng.random()  # now and then it goes back, or says a word of its own
                return (
                    rng.choice(ODD_WORDS)
                    if back < 0.05
                    else RUNNING[rng.randrange(4)]
                    if back < 0.1
                    else RUNNING[step]
                )
        return self.final

    def cancel(self):
        """Take note of a cancel where the job may be cancelled; return whether it may."""
        may_be = self.has_started and self.final is None and not self.is_stubborn
        if may_be and self.cancelled_at is None:
            self.cancelled_at = self.counts.get("poll", 0)
        return may_be

    def document(self, count, rng, token):
        """Return the job resource as it stands at poll ``count``."""
        word = self.word(count, rng)
        document = {"jobId": self.job_id, "jobStatus": word, "messages": self._messages(count, rng, token)}
        if self.final == "esriJobSucceeded":
            document["results"] = {"outputLayer": {"paramUrl": "results/outputLayer"}}
        elif self.final is None and rng.random() < 0.5:
            percent = rng.choice([0, 50, 100, 250, -3, "half", None])
            document["progress"] = {"type": "step", "percent": percent, "message": "at it"}
        return document

    def _messages(self, count, rng, token):
        lines = [f"Step {i}" for i in range(min(count, 6))]
        oddity = rng.random()
        if oddity < 0.1:
            lines = lines[: len(lines) // 2]
        elif oddity < 0.2:
            lines = lines * 2
        elif oddity < 0.25:
            lines.append("\x00\x1b[31mred\u202e\u0085<img src=x onerror=alert(1)>")
        elif oddity < 0.35:
            lines.append(f"Reading {spelled(token, rng)} from /data\\x")
        messages = [{"type": "esriJobMessageTypeInformative", "description": line} for line in lines]
        if 0.35 < oddity < 0.4:
            messages += [None, 5, {"type": None}, {"description": ["x"]}]
        return None if oddity > 0.97 else messages

    def result(self):
        """Return the one result: a layer whose rows say whose they are."""
        rows = [{"attributes": {"n": self.number}, "geometry": {"x": i, "y": 1.5}} for i in range(3)]
        value = {
            "geometryType": "esriGeometryPoint",
            "spatialReference": {"wkid": 4326},
            "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
            "features": rows,
        }
        return {"paramName": "outputLayer", "dataType": "GPFeatureRecordSetLayer", "value": value}

    def note_poll(self, kind, word=None):
        """Write down how a poll was answered, and when."""
        self.account["polls"].append([kind, time.monotonic()])
        if word is not None and word not in self.account["said"]:
            self.account["said"].append(word)

    def to_json(self):
        return {
            **self.account,
            "number": self.number,
            "id": self.job_id,
            "final": self.final,
            "kind": self.kind,
        }


def good(document):
    """Return a whole good answer."""
    return http(dumps(document))


def parameter(name, direction, data_type):
    return {
        "name": name,
        "dataType": data_type,
        "displayName": "",
        "direction": f"esriGPParameterDirection{direction}",
        "defaultValue": None,
        "parameterType": "esriGPParameterTypeRequired"
        if direction == "Input"
        else "esriGPParameterTypeDerived",
        "category": "",
    }


TASK = {
    "name": "Chaos",
    "displayName": "Chaos",
    "description": "",
    "category": "",
    "helpUrl": "",
    "executionType": "esriExecutionTypeAsynchronous",
    "parameters": [
        parameter("number", "Input", "GPLong"),
        parameter("outputLayer", "Output", "GPFeatureRecordSetLayer"),
    ],
}


def options(text):
    """Return the options of a run: the command line's JSON over the defaults."""
    given = json.loads(text)
    return {
        "rates": {
            "poll": 0.25,
            "submit": 0.1,
            "cancel": 0.3,
            "result": 0.2,
            "task": 0.1,
            **given.pop("rates", {}),
        },
        "kinds": given.pop("kinds", {}),
        "lives": given.pop("lives", LIVES),
        "odd": 0.1,
        "revoke": 0.0006,
        "close": 0.0012,
        **given,
    }
