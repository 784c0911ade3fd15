"""Why a service does not take a job that is right in itself."""

from __future__ import annotations

from spatial_widgets.errors import SpatialWidgetsError

__all__ = ["QueueFull", "StoreUnwritable"]


class QueueFull(SpatialWidgetsError):  # noqa: N818 -- like the public errors, it says what is the case
    """As many jobs wait as the service lets wait."""


class StoreUnwritable(SpatialWidgetsError):  # noqa: N818 -- like the public errors, it says what is the case
    """The disk does not take a new job."""
