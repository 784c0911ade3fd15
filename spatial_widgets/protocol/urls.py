"""URLs of a GPServer, built and split.

::

    https://host/arcgis/rest/services/[folder/]Service/GPServer/Task/jobs/jobId/results/Name
    └──────────────── service ────────────────────────────────┘└task┘     └job┘
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from spatial_widgets.errors import ParameterError

__all__ = ["GPUrl", "is_loopback", "join", "origin", "resolve", "server_root"]

# What people paste after the task: the operations of a task, and forms of one.
_OPERATIONS = {"submitjob", "execute", "validate", "metadata"}
_SERVICE_CHILDREN = {"uploads", "info", "jobs"}
_SERVICES = re.compile(r"/rest(/admin)?/services(?=/|$)", re.IGNORECASE)
_GPSERVER = re.compile(r"/GPServer(?=/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GPUrl:
    """The parts of a GPServer URL: the service, and the task and job where the URL goes that far.

    ``service`` has no trailing slash; ``task`` and ``job_id`` are decoded text or None.

    Examples
    --------
    >>> url = GPUrl.parse("https://h/arcgis/rest/services/X/GPServer/Export%20Web%20Map/submitJob?f=json")
    >>> url.task, url.task_url
    ('Export Web Map', 'https://h/arcgis/rest/services/X/GPServer/Export%20Web%20Map')
    """

    service: str
    task: str | None = None
    job_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> GPUrl:
        """Split a URL of a service, a task, a job, or anything below them.

        Trailing slashes, a query, a fragment and a pasted ``/submitJob`` are dropped.

        Raises
        ------
        ParameterError : no http(s) URL, nothing called GPServer in it, or a token in its query.
        """
        shown = re.sub(r"//[^/@]*@", "//***@", str(text).split("?", 1)[0])
        try:
            parts = urlsplit(str(text).strip())
            _ = parts.port
        except ValueError as error:
            raise ParameterError(f"The URL cannot be read: {error}.", parameter="url") from error
        if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
            raise ParameterError(
                f"{shown!r} is not an http(s) URL. Give the service's address, "
                "such as https://host/arcgis/rest/services/Name/GPServer.",
                parameter="url",
                expected="an http(s) URL",
            )
        if parts.username or parts.password or re.search(r"(^|&)token=", parts.query, re.IGNORECASE):
            raise ParameterError(
                "The URL carries a token or a password. Take it out of the URL and pass it as auth=…, "
                "so that it travels in the request header and in no log.",
                parameter="url",
                expected="a URL without credentials",
            )
        places = list(_GPSERVER.finditer(parts.path))
        if not places:
            raise ParameterError(
                f"{shown!r} has no /GPServer in its path. Give the address of a geoprocessing service, "
                "such as https://host/arcgis/rest/services/Name/GPServer.",
                parameter="url",
                expected="a path with /GPServer",
            )
        found = places[-1]
        base = urlunsplit(
            (parts.scheme.lower(), parts.netloc, parts.path[: found.start()] + "/GPServer", "", "")
        )
        segments = [unquote(s) for s in parts.path[found.end() :].split("/") if s]
        if not segments or segments[0].casefold() in _SERVICE_CHILDREN:
            return cls(base)
        task = segments[0]
        rest = segments[1:]
        if rest and rest[0].casefold() not in _OPERATIONS | {"jobs"}:
            raise ParameterError(f"{shown!r}: {rest[0]!r} is no part of a task's URL.", parameter="url")
        is_job = len(rest) > 1 and rest[0].casefold() == "jobs"
        return cls(base, task, rest[1] if is_job else None)

    @property
    def task_url(self) -> str:
        """URL of the task, its name percent-encoded."""
        if self.task is None:
            raise ParameterError(
                f"{self.service!r} names a service but no task; add /<task>.", parameter="url"
            )
        return join(self.service, self.task)

    @property
    def job_url(self) -> str:
        """URL of the job."""
        if self.job_id is None:
            raise ParameterError(f"{self.task_url!r} names no job; add /jobs/<jobId>.", parameter="url")
        return join(self.task_url, "jobs", self.job_id)


def join(base: str, *segments: str) -> str:
    """Append path segments, each percent-encoded, to a URL without trailing slash."""
    return "/".join([base.rstrip("/"), *(quote(segment, safe="") for segment in segments)])


def origin(url: str) -> tuple[str, str, int]:
    """Return ``(scheme, host, port)``: two URLs with the same one may share a token."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    default = {"http": 80, "https": 443}.get(scheme, 0)
    return scheme, (parts.hostname or "").lower(), parts.port or default


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def server_root(url: str) -> str | None:
    """Return the address of the ArcGIS Server that a service or layer is on, without trailing slash.

    None where the URL has no ``/rest/services`` in it.

    Examples
    --------
    >>> server_root("https://GIS.example/arcgis/rest/services/Hosted/out/FeatureServer/0")
    'https://gis.example/arcgis'
    """
    parts = urlsplit(url)
    found = _SERVICES.search(parts.path)
    if found is None:
        return None
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}{parts.path[: found.start()]}"


def resolve(base: str, reference: str) -> str:
    """Return the address that a server means by a reference, which may be relative to ``base``.

    Raises
    ------
    ValueError : it is none, or not one of the web.
    """
    target = urljoin(base, reference)
    scheme, host, _ = origin(target)
    if scheme not in {"http", "https"} or not host:
        raise ValueError(f"{target.split('?', 1)[0]!r} is no address of the web")
    return target
