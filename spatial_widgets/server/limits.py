"""The numbers of a local service, in one place."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MEBIBYTE", "Limits"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one service takes, gives and keeps. Sizes are bytes, ``…_s`` are seconds.

    Attributes
    ----------
    timeout_s : time a job may execute, where its task says nothing else; ArcGIS's own default.
    queue : jobs that may wait; one more is refused.
    body_bytes, fields : largest request, and most form fields in it.
    result_bytes : largest single output of a job.
    messages, message_chars : messages a job may write, and the length at which one is cut.
    attempts : how often a restartable job is taken up, the first time included.
    keep_s, keep_jobs : how long, and how many, ended jobs are kept.
    batch_s : how long messages are gathered before they are written together.
    grace_s : time that running jobs are given when the service stops.
    idle_s : the service ends itself after so long without a request and without a live job.
    """

    timeout_s: float = 600.0
    queue: int = 200
    body_bytes: int = 64 * MEBIBYTE
    fields: int = 200
    result_bytes: int = 256 * MEBIBYTE
    messages: int = 1000
    message_chars: int = 2000
    attempts: int = 3
    keep_s: float = 24 * 3600.0
    keep_jobs: int = 500
    batch_s: float = 0.1
    grace_s: float = 5.0
    idle_s: float = 4 * 3600.0
