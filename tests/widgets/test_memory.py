"""A closed widget keeps nothing alive."""

import gc
import threading
import weakref

from fakes import ScriptedApp

import spatial_widgets as sw
from spatial_widgets.client import Poller
from spatial_widgets.widgets.job import show_job


def test_a_closed_widget_and_its_job_can_go():
    job = ScriptedApp(results={}).submit()
    job.wait()
    widget = sw.JobWidget(job)
    Poller.shared().settle(widget._watch, 10)
    kept = [weakref.ref(job), weakref.ref(widget)]
    widget.close()
    del job, widget
    for thread in threading.enumerate():
        if thread.name.startswith("spatial-widgets"):
            thread.join(5)
    gc.collect()
    assert [r() for r in kept] == [None, None]


def test_a_closed_widget_is_not_shown_again_and_a_newer_one_stays():
    job = ScriptedApp(results={}).submit()
    job.wait()
    first = show_job(job)
    assert show_job(job) is first
    first.close()
    second = show_job(job)
    assert second is not first
    first.close()
    assert show_job(job) is second
    second.close()
