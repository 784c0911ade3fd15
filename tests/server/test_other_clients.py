"""Other people's clients, unchanged, against a service in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NPM = HERE / "esri_rest_request"


def run(command, service, **settings):
    environment = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "SERVICE_TOKEN"}
    }
    if service.token:
        environment["SERVICE_TOKEN"] = service.token
    done = subprocess.run(
        [*command, service.url], capture_output=True, text=True, timeout=120, env=environment, check=False, **settings
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert not service.token or service.token not in done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(params=[False, True], ids=["token", "anonymous"])
def service(start, request):
    return start(anonymous=request.param).service


@pytest.mark.slow
def test_a_client_of_the_standard_library_does_it_all(service):
    told = run([sys.executable, "-I", str(HERE / "plain_client.py")], service)
    assert told.pop("tasks") > 10
    assert told.pop("tokens", [499, 498]) == [499, 498]
    assert told == {
        "capabilities": "Uploads",
        "parameters": ["name", "times", "loud", "how", "text", "number"],
        "status": "esriJobSucceeded",
        "result": {"paramName": "text", "dataType": "GPString", "value": "Hello Ada. Hello Ada. "},
        "all": ["text", "number"],
        "inputs": "Ada",
        "silent": [],
        "rows": 2,
        "chained": 1,
        "uploaded": 3,
        "committed": True,
        "in_parts": 3,
        "deleted": True,
        "gone": 404,
        "cancel": "esriJobCancelling",
        "cancelled": "esriJobCancelled",
        "twice": [400, "Invalid or missing input parameters."],
        "failed": ["esriJobFailed", ["not like that: so"]],
        "bad": [400, told["bad"][1]],
        "sum": 3.0,
        "valid": 4,
    }
    assert "'times'" in told["bad"][1]


@pytest.fixture(scope="module")
def esri_client(tmp_path_factory):
    """Install the pinned package into a folder of its own, without running anything of it."""
    folder = tmp_path_factory.mktemp("esri_rest_request")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(NPM / name, folder / name)
    npm = shutil.which("npm")
    assert npm, "npm is missing; it comes with Node.js"
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr[-3000:]
    return folder


@pytest.mark.node
@pytest.mark.slow
def test_esris_own_client_for_javascript_does_it_all(esri_client, service):
    told = run(["node", str(esri_client / "client.mjs")], service, cwd=esri_client)
    assert told["tasks"] > 10
    assert told["executionType"] == "esriExecutionTypeAsynchronous"
    assert told["parameters"][:2] == ["name", "times"]
    assert told["status"] == "Succeeded"
    assert told["result"]["value"] == "HELLO ADA & BOB, NÉ. HELLO ADA & BOB, NÉ. "
    assert told["all"]["number"]["value"] == 2
    assert told["layer"]["spatialReference"]["latestWkid"] == 3857
    assert told["layer"]["features"][0]["attributes"] == {"n": 1}
    assert told["again"] == "Succeeded"
    assert (told["beforeCancel"], told["cancel"]) == ("Executing", "esriJobCancelling")
    # Its wait ends at the first poll that says either word: with Cancelled, or with the Cancelling that comes before
    # it, which it takes for an end as well. The service may answer that poll before the worker is gone or after it.
    assert told["afterCancel"] == "Cancelled"
    assert told["cancelled"] in {"Cancelled: Job cancelled.", "Cancelling: Job cancelled or failed."}
    assert told["failed"][:2] == ["ArcGISJobError", "Failed"]
    assert "not like that: so" in told["failed"][2]
    assert told["bad"][:2] == ["ArcGISRequestError", 400]
    assert "'times'" in told["bad"][2]
    assert told["unknown"] == 404
    assert told["sum"] == [{"paramName": "result", "dataType": "GPDouble", "value": 3.0}]
    if service.token:
        assert told["tokens"] == ["ArcGISAuthError", 499, "ArcGISAuthError", 498]
