"""What the first widget of a session costs, beside the libraries that every such notebook loads."""

import itertools
import json
import subprocess
import sys

FIRST = """
import json, sys, time
marks = [time.process_time()]
mark = lambda: marks.append(time.process_time())
import spatial_widgets as sw
mark()
import geopandas, ipywidgets
mark()
from spatial_widgets.protocol import JobInfo, JobStatus
job = sw.Job(sw.GPService("https://gp.invalid/rest/services/a/GPServer").task("Buffer"), JobInfo("j1", JobStatus.FAILED))
widget = sw.JobWidget(job)
widget._repr_mimebundle_()
mark()
widgets = [sw.JobWidget(sw.Job(job.task, JobInfo(f"j{n}", JobStatus.FAILED))) for n in range(50)]
mark()
print(json.dumps([marks, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
HEAVY = {
    "matplotlib",
    "ipyleaflet",
    "sklearn",
    "scipy",
    "libpysal",
    "esda",
    "starlette",
    "uvicorn",
    "dask",
    "notebook",
    "jupyterlab",
}


def test_the_first_widget_takes_about_as_long_as_its_libraries_and_the_next_ones_little():
    done = subprocess.run([sys.executable, "-c", FIRST], check=True, capture_output=True, text=True)
    marks, modules = json.loads(done.stdout)
    package, libraries, first, fifty = (b - a for a, b in itertools.pairwise(marks))
    assert package < 0.2  # CPU seconds: a busy machine changes them little
    assert first < 1.5 * libraries
    assert fifty / 50 < 0.2 * libraries
    assert not HEAVY & set(modules)
