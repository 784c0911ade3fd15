"""The tasks of a service in a browser: searched by keyboard, and looked at by axe-core."""

from __future__ import annotations

import axe
import gallery
import pytest
from host import Host

from spatial_widgets.widgets.tasklist import TaskList

TRAITS = {
    "service_url": "https://gp.test/arcgis/rest/services/tasks/GPServer",
    "problem": "",
    "tasks_cut": False,
    "tasks": [
        {"name": "CreateBuffers", "standing": "local", "description": "Areas within a distance of features."},
        {
            "name": "FindHotSpots",
            "standing": "local, approximates",
            "description": "Where high values cluster.\nGi*.",
        },
        {
            "name": "PlanRoutes",
            "standing": "needs a road network",
            "description": "<script>alert(1)</script>",
        },
    ],
}


@pytest.fixture(scope="module")
def axe_text(tmp_path_factory):
    return axe.fetch(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def host(request, browser):
    page = browser.new_page(viewport={"width": 700, "height": 500})
    page.set_default_timeout(15_000)
    hosting = Host(page, getattr(request, "param", "light"))
    hosting.open("tasks", TaskList._esm, TRAITS)
    yield hosting
    assert hosting.wrong == []
    page.close()


def test_what_is_typed_is_searched_and_the_number_is_told(host):
    place = host.show("tasks")
    assert place.locator(".sw-task").count() == 3
    assert "<script>alert(1)</script>" in place.locator(".sw-task").nth(2).inner_text()
    place.get_by_role("searchbox", name="Search tasks by name and description").focus()
    host.page.keyboard.type("gi* high")
    assert place.locator(".sw-title").all_inner_texts() == ["FindHotSpots"]
    assert place.get_by_role("status").inner_text() == "1 task"


def test_of_cut_descriptions_the_rest_is_asked_for_and_searched(host):
    host.take("tasks", tasks_cut=True)
    place = host.show("tasks")
    assert host.sent("tasks") == [{"kind": "tasks"}]
    place.get_by_role("searchbox").fill("at the very end")
    assert place.locator(".sw-task").count() == 0
    whole = [task | {"description": task["description"] + " at the very end"} for task in TRAITS["tasks"]]
    host.on("tasks", "model.tell(values[0])", {"kind": "tasks", "tasks": whole})
    assert place.locator(".sw-task").count() == 3


def test_descriptions_that_come_later_are_shown_and_a_problem_is_told(host):
    place = host.show("tasks")
    host.take(
        "tasks", tasks=[{"name": "New", "standing": "", "description": "came later"}], problem="No answer."
    )
    assert "came later" in place.locator(".sw-task").inner_text()
    assert place.get_by_role("alert").inner_text() == "No answer."


@pytest.mark.node
@pytest.mark.parametrize("host", ["light", "dark", "contrast"], indirect=True)
def test_axe_finds_nothing(request, host, axe_text):
    host.show("tasks")
    narrow = host.show("tasks", width=320)
    assert narrow.evaluate("(place) => place.shadowRoot.querySelector('.sw-tasks').scrollWidth <= 320")
    gallery.FOLDER.mkdir(parents=True, exist_ok=True)
    host.page.screenshot(
        path=str(gallery.FOLDER / f"tasks-{request.node.callspec.params['host']}.png"), full_page=True
    )
    assert axe.violations(host.page, axe_text, ".place") == []
