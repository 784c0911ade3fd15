"""Python to paste into any other session, that goes on with what is seen in this one. No token is ever in it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from spatial_widgets.client import UserLogin
from spatial_widgets.protocol.urls import is_loopback

if TYPE_CHECKING:
    from spatial_widgets.client import Job

__all__ = ["attach_code", "result_code"]


def result_code(job: Job, name: str) -> str:
    """Return a program that fetches a result again, and asks for a token, or name and password, where one signed in.

    Of a job of this user's local service it starts that service if need be; it may have another port by then.
    """
    lines = ["import spatial_widgets as sw", ""]
    if _is_local(job):
        lines.append(f"job = sw.connect().task({job.task.name!r}).attach({job.job_id!r})")
    elif job.session.auth is None:
        lines.append(f"job = sw.Job.from_url({job.url!r})")
    elif isinstance(job.session.auth, UserLogin):
        lines = [
            "from getpass import getpass",
            "",
            lines[0],
            "from spatial_widgets.client import UserLogin",
            "",
        ]
        lines.append('login = UserLogin(input("Name: "), getpass)')
        lines.append(f"job = sw.Job.from_url({job.url!r}, auth=login)")
    else:
        lines = ["from getpass import getpass", "", *lines]
        lines.append(f'job = sw.Job.from_url({job.url!r}, auth=getpass("Token: "))')
    return "\n".join([*lines, f"result = job.result({name!r})"])


def attach_code(job: Job) -> str:
    """Return the line that shows a job again, in any session."""
    if _is_local(job):
        return f"sw.JobWidget(sw.connect().task({job.task.name!r}).attach({job.job_id!r}))"
    auth = "" if job.session.auth is None else ", auth=…"
    return f"sw.JobWidget.from_url({job.url!r}{auth})"


def _is_local(job: Job) -> bool:
    """Whether a job is one of this user's local service. Asks that service itself, and only where the job is on this machine."""
    return is_loopback(job.url) and _is_local_service(job.task.service.url)


@lru_cache(maxsize=64)
def _is_local_service(url: str) -> bool:
    from spatial_widgets.local import LocalService

    local = LocalService.running()
    return local is not None and local.url == url
