"""Waiting for one job in an asyncio loop, any loop: the poller's thread rings, and the loop looks."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.poller import Poller
from spatial_widgets.client.requestpool import Errand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.watch import Watch
    from spatial_widgets.protocol import JobInfo

__all__ = ["outcome", "updates"]

_AWAKE_S = 0.2  # a kernel's Interrupt is seen only by a running loop


async def outcome(job: Job) -> Any:
    """Return what ``job.result()`` returns; its loading runs on the request pool."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # so that asyncio.wait_for's time-out leaves it alone
    poller = Poller.shared()

    def load() -> None:
        try:
            future.set_result(job.result())
        except BaseException as error:  # noqa: BLE001 -- handed to whoever awaits
            future.set_exception(error)

    def ended(watch: Watch) -> None:
        if watch.error is not None:
            future.set_exception(watch.error.with_traceback(None))
            return
        try:
            poller.submit(Errand(load, origin=watch.origin, lasting=True))
        except RuntimeError as error:  # no thread can be started
            future.set_exception(error)

    watch = poller.watch(job, when_done=ended)
    wrapped = asyncio.wrap_future(future)
    try:
        while not wrapped.done():
            await asyncio.wait({wrapped}, timeout=_AWAKE_S)
        return wrapped.result()
    finally:
        if not wrapped.done():  # cancelled: nobody waits here any more
            watch.forget(ended)
            wrapped.cancel()


async def updates(job: Job) -> AsyncIterator[JobInfo]:
    """Yield the snapshot now and each one that differs from the last one yielded, the final one at the end."""
    seen = job.info
    yield seen
    bell = _Bell()
    while not job.done():
        watch = Poller.shared().watch(job, bell.ring)
        losses = watch.losses
        try:
            while not job.done():
                await bell.rung()  # first when the watch goes on, then at each change
                if job.info != seen:
                    seen = job.info
                    yield seen
                error = watch.error_since(losses)
                if error is not None:
                    raise error.with_traceback(None)
                if watch.ended:
                    break
        finally:
            watch.unsubscribe(bell.ring)
    if job.info != seen:
        yield job.info


class _Bell:
    """Rung by any thread, heard in the loop that made it; rung twice before somebody looks, it is heard once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def ring(self, watch: Watch) -> None:
        """Wake whoever listens; a loop that is closed has nobody who does."""
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:
            watch.unsubscribe(self.ring)

    async def rung(self) -> None:
        """Return when it rings, or did since the last time."""
        while not self._event.is_set():
            try:
                async with asyncio.timeout(_AWAKE_S):
                    await self._event.wait()
            except TimeoutError:
                continue
        self._event.clear()
