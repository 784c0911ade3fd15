"""A job as text: its address, or what is known of it as well, and never a token."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.protocol import GPUrl, JobInfo

if TYPE_CHECKING:
    from spatial_widgets.client.job import Job

__all__ = ["job_address", "read_job", "write_job"]


def job_address(url: str) -> tuple[str, str, str]:
    """Return the service's URL, the task's name and the job's ID.

    Raises
    ------
    ParameterError : the URL names no job.
    """
    parts = GPUrl.parse(url)
    if parts.task is None or parts.job_id is None:
        raise ParameterError(
            f"{url.split('?', 1)[0]!r} names no job. A job's URL ends in /<task>/jobs/<jobId>; see job.url.",
            parameter="url",
        )
    return parts.service, parts.task, parts.job_id


def write_job(job: Job) -> str:
    """Return the text."""
    info = job.info
    return json.dumps(
        {
            "url": job.url,
            "info": {
                "jobId": info.job_id,
                "jobStatus": info.status.value,
                "messages": [m.to_json() for m in info.messages],
                "results": {name: {"paramUrl": path} for name, path in info.results.items()},
                "inputs": {name: {"paramUrl": path} for name, path in info.inputs.items()},
            },
        }
    )


def read_job(text: str) -> tuple[str, str, JobInfo]:
    """Return the service's URL, the task's name and the snapshot.

    Raises
    ------
    ParameterError : the text is none that :func:`write_job` gave.
    """
    try:
        document = json.loads(text)
        parts, info = GPUrl.parse(document["url"]), JobInfo.from_json(document["info"])
    except (ValueError, KeyError, TypeError, SpatialWidgetsError) as error:
        raise ParameterError(
            f"This is no saved job: {error}. Use the text that job.to_json() gave."
        ) from error
    if parts.task is None or parts.job_id is None:
        raise ParameterError("This is no saved job: its URL names none.")
    return parts.service, parts.task, replace(info, job_id=parts.job_id)
