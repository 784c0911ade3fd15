"""A client that goes on whatever happens to the service: ``chaos_client.py STORE LOG SEED``.

Standard library only. It submits with idempotency keys, asks again with the same key when an answer was lost,
cancels now and then, and writes a line for whatever the service has acknowledged. It ends when its input ends.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path

TASKS = [
    ("Greet", {"name": "a"}),
    ("Greet", {"name": "b", "times": "200"}),
    ("Sleep", {"seconds": "0.2"}),
    ("Alone", {"seconds": "0.3"}),
    ("Alone", {"seconds": "0.1"}),
    ("Bug", {}),
    ("Exit", {}),
    ("Limited", {"limit": "0.3"}),
    ("LimitedHog", {"limit": "0.5"}),
]
ENDED = {"esriJobSucceeded", "esriJobFailed", "esriJobCancelled", "esriJobTimedOut"}
MOST = 140


class Client:
    def __init__(self, store, log, seed):
        self.store, self.log, self.chance = store, log, random.Random(seed)
        self.jobs, self.stopped, self.seed = [], threading.Event(), seed

    def ask(self, path, **form):
        """Return the service's answer, or None: it is gone, or was in mid-sentence."""
        try:
            found = json.loads((self.store / "service.json").read_text())
            request = urllib.request.Request(
                found["url"] + path,
                urllib.parse.urlencode({"f": "json", **form}).encode(),
                {
                    "X-Esri-Authorization": f"Bearer {found['token']}",
                    "X-Idempotency-Key": form.get("key", ""),
                },
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return None

    def note(self, **line):
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()

    def submit(self, number):
        task, form = self.chance.choice(TASKS)
        key = f"{self.seed}-{number}"
        while True:
            reply = self.ask(f"/{task}/submitJob", key=key, **form)
            if reply is not None and "jobId" in reply:
                self.jobs.append((task, reply["jobId"]))
                self.note(submitted=reply["jobId"], key=key)
                return
            if self.stopped.wait(0.02):
                self.note(unanswered=key)
                return

    def look_back(self):
        task, job = self.chance.choice(self.jobs)
        if self.chance.random() < 0.3:
            reply = self.ask(f"/{task}/jobs/{job}/cancel")
            if reply is not None and "jobStatus" in reply:
                self.note(cancelled=job)
        reply = self.ask(f"/{task}/jobs/{job}")
        if reply is not None and "error" in reply:
            self.note(lost=job, error=reply["error"])
        elif reply is not None and reply["jobStatus"] in ENDED:
            self.note(ended=job, status=reply["jobStatus"])

    def run(self):
        for number in range(MOST):
            if self.stopped.is_set():
                return
            self.submit(number)
            for _ in range(3):
                if self.jobs:
                    self.look_back()
        self.stopped.wait()


def main():
    store, log, seed = sys.argv[1:]
    with Path(log).open("a") as file:
        client = Client(Path(store), file, int(seed))
        worker = threading.Thread(target=client.run)
        worker.start()
        sys.stdin.read()
        client.stopped.set()
        worker.join()


if __name__ == "__main__":
    main()
