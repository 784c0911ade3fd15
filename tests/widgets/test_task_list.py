"""A service at the end of a cell lists its tasks."""

import threading

from fakes import Raw, ScriptedApp, error
from programs import ended_well, program

from spatial_widgets.widgets.phrases import say
from spatial_widgets.widgets.tasklist import TaskList, show_service


def filled(app):
    """Return the list of a service once it was read."""
    ready = threading.Event()

    class Read(TaskList):
        def _update_saved_output(self):
            super()._update_saved_output()
            if self._is_at_rest():
                ready.set()

    widget = Read(app.service())
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


def test_a_saved_page_has_the_first_sentence_of_each_description():
    widget = filled(Described("Draws areas.\n\nThey are round, or not."))
    assert "<br>Draws areas.</li>" in widget._html_text()
    assert widget.tasks[0]["description"] == "Draws areas.\n\nThey are round, or not."
    widget.close()


def test_a_service_that_does_not_answer_says_so():
    app = Described()
    app.answers["GPServer"] = [Raw(error(499, "Token required"))] * 3
    widget = filled(app)
    assert "sign in" in widget.problem
    assert "sign in" in widget._plain_text()
    widget.close()


def test_a_task_that_cannot_be_described_keeps_no_other_from_it():
    app = Described()
    listed = app.answer

    def answer(asked):
        if asked.path.endswith("/GPServer"):
            return {**listed(asked), "tasks": ["Broken/Name", "Gone", "Buffer"]}
        return listed(asked)

    app.answer = answer
    widget = filled(app)
    assert [task["description"][:5] for task in widget.tasks] == ["", "", "Draws"]
    assert "Gone" in widget.problem
    widget.close()


def test_a_view_has_the_beginnings_of_long_descriptions_and_can_ask_for_all_of_them():
    widget = filled(Described("long " * 9000))
    told = []
    widget.send = lambda content, buffers=None: told.append(content)
    state = widget.get_state(["tasks", "tasks_cut"])
    assert state["tasks_cut"]
    assert len(state["tasks"][0]["description"]) < 500
    data = {"method": "custom", "content": {"kind": "tasks"}}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})
    assert told == [{"kind": "tasks", "tasks": widget.tasks}]
    assert told[0]["tasks"][0]["description"] == "long " * 9000
    widget.close()


def test_tasks_without_a_description_are_read_all_the_same():
    widget = filled(Described(""))
    assert [task["name"] for task in widget.tasks] == ["Buffer"]
    assert widget._is_at_rest()
    widget.close()


def test_a_service_has_one_list():
    service = Described().service()
    assert show_service(service) is show_service(service)
    show_service(service).close()


CELLS = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
import spatial_widgets
from manyjobs import ManyJobs
batch = ManyJobs().map([{"distance": 1}]).wait(20)
for each in (batch, batch.task, batch.task.service):
    with capture_output() as seen:
        shell.display_formatter.format(each)
    (output,) = seen.outputs
    print("shown:", output.data["text/plain"].splitlines()[0])
"""


def test_at_the_end_of_a_cell_a_batch_is_a_table_a_task_a_form_and_a_service_its_list(tmp_path):
    out = ended_well(program(CELLS, SPATIAL_WIDGETS_STATE=str(tmp_path)))
    # What comes later is printed where there is no front end.
    table, form, tasks = (line for line in out.splitlines() if line.startswith("shown:"))
    assert "1 succeeded" in table
    assert form == "shown: " + say("form.label", task="Buffer")
    assert "https://gp.test" in tasks
