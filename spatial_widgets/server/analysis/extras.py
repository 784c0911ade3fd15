"""Libraries that are an extra of this package, and the error that says how to get them."""

from __future__ import annotations

from importlib import import_module

from spatial_widgets.errors import SpatialWidgetsError

__all__ = ["require_libraries"]


def require_libraries(task_name: str, *names: str) -> None:
    """Import the statistics libraries that a task needs.

    Raises
    ------
    SpatialWidgetsError : one is not installed; the message says how to install them.
    """
    try:
        for name in names:
            import_module(name)
    except ImportError as error:
        raise SpatialWidgetsError(
            f'{task_name} needs libraries that are not installed here ({error}): pip install "spatial_widgets[stats]"'
        ) from error
