"""What one does with a job, on its widget."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from spatial_widgets.client import Job, Results
    from spatial_widgets.protocol import JobInfo

__all__ = ["JobVerbs"]


class JobVerbs:
    """The verbs of a :class:`Job` by delegation, for the class that shows one and has it as ``job``."""

    job: Job

    @abstractmethod
    def _results_were_read(self) -> None:
        """Hear that results may be here now."""

    @abstractmethod
    def _settle(self) -> None:
        """Wait until what the job's snapshot says is shown."""

    @property
    def results(self) -> Results:
        """The results by output name, fetched when first read."""
        return self.job.results

    def wait(
        self,
        timeout: float | None = None,
        *,
        check: bool = True,
        on_update: Callable[[JobInfo], None] | None = None,
    ) -> JobInfo:
        """Block until the job is final; as :meth:`Job.wait`."""
        return self.job.wait(timeout, check=check, on_update=on_update)

    def result(self, name: str | None = None, timeout: float | None = None, **options: Any) -> Any:
        """Wait for the job and return a result; as :meth:`Job.result`, ``options`` included."""
        value = self.job.result(name, timeout, **options)
        self._results_were_read()
        return value

    def map(self, name: str | None = None) -> Any:
        """Wait for the job and return a layer on a map that can be moved, without tiles, so that it needs no network.

        A large layer is a sample, which the map says.

        Parameters
        ----------
        name : the output; None takes the first that is a layer.

        Returns
        -------
        An ``ipyleaflet.Map``.

        Raises
        ------
        ImportError : ipyleaflet is not installed; it comes with the ``map`` extra.
        ParameterError : the result is no layer, or has no place on the earth.
        As :meth:`result`.
        """
        from spatial_widgets.widgets.resultmap import map_of

        return map_of(self, name)

    def cancel(self) -> JobInfo:
        """Ask the service to cancel the job; as :meth:`Job.cancel`."""
        return self.job.cancel()

    def refresh(self) -> JobInfo:
        """Poll once, and return when the traits show the new snapshot; as :meth:`Job.refresh`."""
        info = self.job.refresh()
        self._settle()
        return info

    def __await__(self) -> Generator[Any, None, Any]:
        return self.job.__await__()
