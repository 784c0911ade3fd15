"""A widget that is closed goes from every page; its job goes on, and another widget shows it."""

from __future__ import annotations

from playwright.sync_api import expect

from spatial_widgets.widgets.phrases import say

SHOW = """
import spatial_widgets as sw
job = sw.LocalService.start(workers=1).service().task("SlowTask").submit(seconds=300)
w = sw.JobWidget(job)
w
"""
CLOSE = """
import gc, threading, weakref
gone = weakref.ref(w)
w.close()
get_ipython().del_var("w")  # Out holds it as well, under several names
for _ in range(100):  # what it was about to tell, at its pace, holds it for a moment
    gc.collect()
    if gone() is None:
        break
    threading.Event().wait(0.1)
print(gone() is None, job.refresh().status.value)
"""


def test_views_go_with_their_widget_and_the_job_is_shown_again(notebook, server, shoot):
    nb = notebook(
        SHOW,
        "w",
        CLOSE,
        "again = sw.JobWidget(job)\nagain",
        "again.cancel(); again.wait(timeout=30, check=False)",
    )
    nb.run(0)
    nb.run(1)
    views = nb.page.locator(".sw-job")
    expect(views).to_have_count(2)
    expect(views.last.locator(".sw-badge")).to_have_text(say("status.esriJobExecuting"), timeout=30_000)
    assert nb.run(2).split() == ["True", "esriJobExecuting"]
    expect(views).to_have_count(0)
    nb.run(3)
    expect(views).to_have_count(1)
    expect(views.locator(".sw-log")).to_contain_text("Second")
    nb.run(4)
    expect(views.locator(".sw-badge")).to_have_text(say("status.esriJobCancelled"))
    shoot(views, f"{server.app}-shown-again")
