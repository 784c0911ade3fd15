"""Floor 3, speak: services, tasks and jobs over HTTP. No Jupyter here."""

from spatial_widgets.client.auth import AppLogin, Token, UserLogin
from spatial_widgets.client.batch import Batch
from spatial_widgets.client.job import Job
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.results import ResultFile, Results
from spatial_widgets.client.service import GPService, GPTask
from spatial_widgets.client.session import GPSession

__all__ = [
    "AppLogin",
    "Batch",
    "GPService",
    "GPSession",
    "GPTask",
    "Job",
    "Poller",
    "ResultFile",
    "Results",
    "Token",
    "UserLogin",
]
