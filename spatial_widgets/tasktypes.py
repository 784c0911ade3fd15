"""What a task of your own is annotated with: ``from spatial_widgets.tasktypes import Context, Layer, P``."""

from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit
from spatial_widgets.server.registry import Context, File, Layer, P, Table

__all__ = ["ArealUnit", "Context", "File", "Layer", "LinearUnit", "P", "Table", "TimeUnit"]
