"""Python to paste into any other session, that goes on with what is seen in this one. No token is ever in it."""

from __future__ import annotations

import keyword
from functools import lru_cache
from typing import TYPE_CHECKING

from spatial_widgets.client import UserLogin
from spatial_widgets.protocol.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from spatial_widgets.client import GPTask, Job

__all__ = ["IMPORTS", "attach_code", "call_code", "result_code"]

_GETPASS = "from getpass import getpass"
#: Names that the text of a value may use beside ``sw``, and how they are imported.
IMPORTS = {
    "path": "from pathlib import Path",
    "TimeUnit": "from spatial_widgets.protocol import TimeUnit",
    "datetime": "import datetime",
    "getpass": _GETPASS,
    "json": "import json",
}


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
        lines = [_GETPASS, "", *lines]
        lines.append(f'job = sw.Job.from_url({job.url!r}, auth=getpass("Token: "))')
    return "\n".join([*lines, f"result = job.result({name!r})"])


def attach_code(job: Job) -> str:
    """Return the line that shows a job again, in any session."""
    if _is_local(job):
        return f"sw.JobWidget(sw.connect().task({job.task.name!r}).attach({job.job_id!r}))"
    auth = "" if job.session.auth is None else ", auth=…"
    return f"sw.JobWidget.from_url({job.url!r}{auth})"


def call_code(
    task: GPTask,
    values: Mapping[str, str],
    *,
    needs: Iterable[str] = (),
    taken: Container[str] = (),
    remarks: Iterable[str] = (),
) -> str:
    """Return a program that calls a task, and asks for a token, or name and password, where one signed in.

    Parameters
    ----------
    values : input to the Python text of its value.
    needs : names of ``IMPORTS`` that these texts use.
    taken : names of the session's own that these texts use; none of them is given another value.
    remarks : what is told above the call, a comment each.
    """
    service, imports = "sw.connect()", {IMPORTS[name] for name in needs}
    if not _is_local_url(task.service.url):
        service = f"sw.GPService({task.service.url!r})"
        if isinstance(task.service.auth, UserLogin):
            imports |= {_GETPASS, "from spatial_widgets.client import UserLogin"}
            service = f'sw.GPService({task.service.url!r}, auth=UserLogin(input("Name: "), getpass))'
        elif task.service.auth is not None:
            imports.add(_GETPASS)
            service = f'sw.GPService({task.service.url!r}, auth=getpass("Token: "))'
    comments = [f"# {' '.join(remark.split())}" for remark in remarks]
    verb, name = ("result", "execute") if task.info().is_synchronous else ("job", "submit")
    verb, ours = _free(verb, taken), _free("service", taken)
    call = f"{verb} = {ours}.task({task.name!r}).{name}"
    lines = [*sorted(imports), "import spatial_widgets as sw", "", f"{ours} = {service}", *comments]
    return "\n".join([*lines, *_call(call, values)])


def _free(name: str, taken: Container[str]) -> str:
    """Return a name, or one like it that nothing else has."""
    while name in taken:
        name += "_"
    return name


def _call(call: str, values: Mapping[str, str]) -> list[str]:
    if not values:
        return [f"{call}()"]
    if all(_is_keyword(name) for name in values):
        return [f"{call}(", *(f"    {name}={code}," for name, code in values.items()), ")"]
    opening, closing = ("({", "})") if call.endswith(".submit") else ("(**{", "})")
    return [f"{call}{opening}", *(f"    {name!r}: {code}," for name, code in values.items()), closing]


def _is_keyword(name: str) -> bool:
    """Whether a parameter can be given by name; ``submit`` has a word of its own for ``reuse``."""
    return name.isidentifier() and not keyword.iskeyword(name) and name not in {"reuse", "self"}


def _is_local(job: Job) -> bool:
    """Whether a job is one of this user's local service. Asks that service itself, and only where the job is on this machine."""
    return _is_local_url(job.task.service.url)


def _is_local_url(url: str) -> bool:
    return is_loopback(url) and _is_local_service(url)


@lru_cache(maxsize=64)
def _is_local_service(url: str) -> bool:
    from spatial_widgets.local import LocalService

    local = LocalService.running()
    return local is not None and local.url == url
