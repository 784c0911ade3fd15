"""A client of a GPServer in nothing but the standard library, written from what the protocol says alone.

Arguments: the GPServer's URL; the token, if any, comes in the variable SERVICE_TOKEN. Prints one JSON object.
It knows nothing of this project: what it does, any program can do.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.parse
import urllib.request
import uuid

SERVICE = sys.argv[1].rstrip("/")
TOKEN = os.environ.get("SERVICE_TOKEN")
ENDED = {"esriJobSucceeded", "esriJobFailed", "esriJobTimedOut", "esriJobCancelled"}
# No proxy between two programs of one machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EsriError(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]


def send(url, data=None, content_type=None, token=TOKEN):
    request = urllib.request.Request(url, data)
    if content_type:
        request.add_header("Content-Type", content_type)
    if token:
        request.add_header("X-Esri-Authorization", f"Bearer {token}")
    with OPENER.open(request, timeout=60) as reply:
        document = json.load(reply)
    if isinstance(document, dict) and "error" in document:
        raise EsriError(document["error"])
    return document


def encoded(fields):
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in {"f": "json", **fields}.items()}
    return urllib.parse.urlencode(texts)


def get(path, **fields):
    return send(f"{SERVICE}/{path}?{encoded(fields)}")


def post(path, **fields):
    return send(f"{SERVICE}/{path}", encoded(fields).encode(), "application/x-www-form-urlencoded")


def post_file(path, name, content, **fields):
    boundary = uuid.uuid4().hex
    body = b""
    for key, value in {"f": "json", **fields}.items():
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
    body += b"Content-Type: application/octet-stream\r\n\r\n" + content + f"\r\n--{boundary}--\r\n".encode()
    return send(f"{SERVICE}/{path}", body, f"multipart/form-data; boundary={boundary}")


def submit(task, **fields):
    reply = post(f"{task}/submitJob", **fields)
    assert reply["jobStatus"].startswith("esriJob")
    return f"{task}/jobs/{reply['jobId']}"


def wait(job, until=ENDED):
    seen = []
    while True:
        document = get(job)
        if document["jobStatus"] not in seen:
            seen.append(document["jobStatus"])
        if document["jobStatus"] in until:
            return document, seen
        time.sleep(0.1)


def result(job, name):
    document, _ = wait(job)
    return get(f"{job}/{document['results'][name]['paramUrl'].strip()}")


def refused(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except EsriError as error:
        return [error.code, str(error)]
    raise AssertionError("this should have been refused")


LAYER = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
    "features": [{"attributes": {"n": n}, "geometry": {"x": n, "y": 50}} for n in range(3)],
}


def main():
    told = {"tasks": len(get("")["tasks"]), "capabilities": get("")["capabilities"]}
    told["parameters"] = [p["name"] for p in get("Greet")["parameters"]]

    job = submit("Greet", name="Ada", times=2)
    told["status"] = wait(job)[0]["jobStatus"]
    told["result"] = result(job, "text")
    told["all"] = [entry["paramName"] for entry in get(f"{job}/results")]
    told["inputs"] = get(f"{job}/inputs/name")["value"]
    told["silent"] = get(job, returnMessages="false")["messages"]

    layer = submit("Layer", inputLayer={**LAYER, "filter": "n > 0"})
    told["rows"] = len(result(layer, "result")["value"]["features"])
    chained = submit("Layer", inputLayer={"url": f"{SERVICE}/{layer}/results/result", "filter": "n = 2"})
    told["chained"] = len(result(chained, "result")["value"]["features"])

    content = json.dumps(LAYER).encode()
    whole = post_file("uploads/upload", "layer.json", content, description="three points")
    item = whole["item"]["itemID"]
    told["uploaded"] = len(
        result(submit("Layer", inputLayer={"itemID": item}), "result")["value"]["features"]
    )
    parts = post("uploads/register", itemName="layer.txt")["item"]["itemID"]
    for number, start in enumerate(range(0, len(content), 100), 1):
        post_file(f"uploads/{parts}/uploadPart", "part", content[start : start + 100], partId=number)
    told["committed"] = post(f"uploads/{parts}/commit")["item"]["committed"]
    told["in_parts"] = len(
        result(submit("Layer", inputLayer={"itemID": parts}), "result")["value"]["features"]
    )
    told["deleted"] = post(f"uploads/{item}/delete")["success"]
    told["gone"] = refused(get, f"uploads/{item}")[0]

    sleeping = submit("Sleep", seconds=60)
    wait(sleeping, {"esriJobExecuting"})
    told["cancel"] = post(f"{sleeping}/cancel")["jobStatus"]
    told["cancelled"] = wait(sleeping)[0]["jobStatus"]
    told["twice"] = refused(post, f"{job}/cancel")

    failed, _ = wait(submit("Refuse", text="so"))
    told["failed"] = [
        failed["jobStatus"],
        [m["description"] for m in failed["messages"] if m["type"].endswith("Error")],
    ]
    told["bad"] = refused(post, "Greet/submitJob", name="a", times="many")
    told["sum"] = post("Sum/execute", a=1, b=2)["results"][0]["value"]
    told["valid"] = len(post("Greet/validate", name="a")["validationResults"])
    if TOKEN:
        told["tokens"] = [refused(send, f"{SERVICE}?f=json", token=wrong)[0] for wrong in (None, "wrong")]
    sys.stdout.write(json.dumps(told))


main()
