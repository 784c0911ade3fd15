"""How a job is run: in a process of its own, or in the calling thread."""

from spatial_widgets.server.executors.base import (
    Event,
    Executor,
    Exited,
    Finished,
    Handle,
    JobSpec,
    Lost,
    Output,
    Progress,
    Raised,
    Said,
    Started,
)

__all__ = [
    "Event",
    "Executor",
    "Exited",
    "Finished",
    "Handle",
    "JobSpec",
    "Lost",
    "Output",
    "Progress",
    "Raised",
    "Said",
    "Started",
]
