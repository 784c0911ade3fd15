"""A GPServer with no network that takes any number of jobs."""

import json
import threading
from urllib.parse import urlsplit

from fakes import POINT_LAYER, URL, ScriptedApp


class ManyJobs(ScriptedApp):
    """A GPServer that makes a new job of each submit, or the same one of the same key; ``ends`` says how by distance."""

    def __init__(self, *, ends=None, takes_key=True, gate=None):
        super().__init__()
        self.takes_key, self.ends, self.gate = takes_key, ends or {}, gate
        self.jobs, self.keys = {}, {}
        self.running, self.most = set(), 0
        self.lock = threading.Lock()
        self.refusals = []

    def answer(self, asked):
        parts = urlsplit(asked.url).path.removeprefix(urlsplit(URL).path).strip("/").split("/")
        with self.lock:
            if asked.operation == "submitJob":
                return self.submitted(asked)
            if len(parts) >= 3 and parts[1] == "jobs" and parts[2] in self.jobs:
                return self.told(parts)
        return super().answer(asked)

    def submitted(self, asked):
        if self.refusals:
            return self.refusals.pop(0)
        key = asked.headers.get("X-Idempotency-Key")
        job_id = self.keys.get(key) if key else None
        if job_id is None:
            job_id = f"j{len(self.jobs)}"
            self.jobs[job_id] = dict(asked.form)
            self.running.add(job_id)
            self.most = max(self.most, len(self.running))
            if key:
                self.keys[key] = job_id
        return {"jobId": job_id, "jobStatus": "esriJobSubmitted"}

    def told(self, parts):
        form = self.jobs[parts[2]]
        if parts[3:4] == ["results"]:
            layer = {
                **POINT_LAYER,
                "features": [
                    {"attributes": {"n": int(float(form["distance"]))}, "geometry": {"x": 1, "y": 2}}
                ],
            }
            return {"paramName": "bufferLayer", "dataType": "GPFeatureRecordSetLayer", "value": layer}
        if parts[3:4] == ["inputs"]:
            value = form.get(parts[4], "")
            return {
                "paramName": parts[4],
                "dataType": "GPString",
                "value": json.loads(value) if value[:1] in "{[" and value else value,
            }
        if parts[3:4] == ["cancel"]:
            form["status"] = "esriJobCancelled"
            return {"jobId": parts[2], "jobStatus": "esriJobCancelling"}
        status = form.get("status") or (
            "esriJobExecuting"
            if self.gate and not self.gate.is_set()
            else self.ends.get(form["distance"], "esriJobSucceeded")
        )
        if not isinstance(status, str):
            return status
        document = {"jobId": parts[2], "jobStatus": status, "messages": []}
        if status not in {"esriJobExecuting", "esriJobSubmitted"}:
            self.running.discard(parts[2])
        if status == "esriJobSucceeded":
            document["results"] = {"bufferLayer": {"paramUrl": "results/bufferLayer"}}
        document["inputs"] = {
            name: {"paramUrl": f"inputs/{name}"} for name in ("inputLayer", "distance", "units")
        }
        return document

    def task_(self):
        service = self.service()
        service.poll_interval = 0.02
        return service.task("Buffer")

    def map(self, rows, **more):
        return self.task_().map(rows, inputLayer=POINT_LAYER, **more)
