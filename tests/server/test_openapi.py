import json

from faces import ROOT
from tasks_for_tests import TOYS

from spatial_widgets.server.routes import ROUTES


def test_the_description_has_every_route_and_every_task(face):
    document = face.ask(f"{ROOT}/openapi.json")
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    for route in ROUTES:
        if route.takes == "inputs":
            continue
        assert (f"/{route.path}".rstrip("/") or "/") in paths
    for task in TOYS.values():
        verb, other = ("execute", "submitJob") if task.synchronous else ("submitJob", "execute")
        assert f"/{task.name}/{verb}" in paths
        assert f"/{task.name}/{other}" not in paths
    form = paths["/Greet/submitJob"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"][
        "schema"
    ]
    assert form["required"] == ["name"]
    assert form["properties"]["how"]["enum"] == ["Hello", "Bye"]
    assert form["properties"]["times"]["type"] == "integer"
    assert "context" in form["properties"]


def test_operations_have_names_of_their_own_and_variables_are_declared(face):
    paths = face.ask(f"{ROOT}/openapi.json")["paths"]
    seen = [
        one[method]["operationId"] for one in paths.values() for method in ("get", "post") if method in one
    ]
    assert len(seen) == len(set(seen))
    for path, one in paths.items():
        declared = {parameter["name"] for parameter in one.get("parameters", [])}
        assert declared == {word[1:-1] for word in path.split("/") if word.startswith("{")}
    assert json.dumps(paths)


def test_every_resource_that_the_description_names_is_answered_here(face):
    document = face.ask(f"{ROOT}/openapi.json")
    for path, one in document["paths"].items():
        if "get" in one and "{" not in path and not path.endswith(("/submitJob", "/execute")):
            reply = face.ask(f"{ROOT}{path}", "GET")
            code = reply.get("error", {}).get("code") if isinstance(reply, dict) else None
            assert code in {None, 400}, (path, reply)


def test_the_description_says_whether_a_token_is_needed(face):
    assert face.ask(f"{ROOT}/openapi.json")["security"] == [{"token": []}]
