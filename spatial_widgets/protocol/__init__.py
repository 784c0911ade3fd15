"""Floor 1, words: what a GPServer says, as plain values. Standard library only."""

from spatial_widgets.protocol.jobinfo import JobInfo, JobProgress
from spatial_widgets.protocol.message import JobMessage
from spatial_widgets.protocol.parameter import ParameterInfo, ServiceInfo, TaskInfo
from spatial_widgets.protocol.status import LEGAL_TRANSITIONS, JobStatus
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit
from spatial_widgets.protocol.urls import GPUrl

__all__ = [
    "LEGAL_TRANSITIONS",
    "ArealUnit",
    "GPUrl",
    "JobInfo",
    "JobMessage",
    "JobProgress",
    "JobStatus",
    "LinearUnit",
    "ParameterInfo",
    "ServiceInfo",
    "TaskInfo",
    "TimeUnit",
]
