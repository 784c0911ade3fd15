"""Floor 5, faces: the Jupyter widgets."""

from spatial_widgets.widgets.job import JobWidget

__all__ = ["JobWidget"]
