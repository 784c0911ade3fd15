"""A service at the end of a cell lists its tasks."""

import threading

from fakes import Raw, ScriptedApp, error

from spatial_widgets.widgets.tasklist import TaskList, show_service


def filled(app):
    """Return the list of a service once it was read."""
    ready = threading.Event()
    widget = TaskList.__new__(TaskList)
    TaskList.__init__(widget, app.service())
    widget.observe(
        lambda _: ready.set() if widget.problem or widget._is_at_rest() else None, ["tasks", "problem"]
    )
    if not (widget.tasks and widget._is_at_rest()) and not widget.problem:
        assert ready.wait(20)
    return widget


class Described(ScriptedApp):
    def __init__(self, text="Draws <b>areas</b> around features"):
        super().__init__()
        self.task = {**self.task, "description": text}


def test_each_task_has_its_description_and_none_is_markup():
    widget = filled(Described())
    assert widget.tasks == [
        {"name": "Buffer", "standing": "", "description": "Draws <b>areas</b> around features"}
    ]
    assert "1 task at https://gp.test" in widget._plain_text()
    assert "&lt;b&gt;areas&lt;/b&gt;" in widget._html_text()
    widget.close()


def test_a_service_that_does_not_answer_says_so():
    app = Described()
    app.answers["GPServer"] = [Raw(error(499, "Token required"))] * 3
    widget = filled(app)
    assert "sign in" in widget.problem
    assert "sign in" in widget._plain_text()
    widget.close()


def test_a_service_has_one_list():
    service = Described().service()
    assert show_service(service) is show_service(service)
    show_service(service).close()
