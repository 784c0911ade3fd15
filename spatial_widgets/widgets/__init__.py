"""Floor 5, faces: the Jupyter widgets."""

from spatial_widgets.widgets.form import TaskForm
from spatial_widgets.widgets.job import JobWidget
from spatial_widgets.widgets.table import JobTable

__all__ = ["JobTable", "JobWidget", "TaskForm"]
