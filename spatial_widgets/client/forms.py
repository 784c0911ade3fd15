"""The form of a submit: its local files uploaded first, and how a large one travels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.client.body import form_size
from spatial_widgets.client.uploads import check_uploads, upload
from spatial_widgets.errors import ServiceError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.parameters import Submission
    from spatial_widgets.client.task import GPTask

__all__ = ["check_files", "form_of", "takes_multipart"]

# Below this the kind of encoding makes no difference.
_LARGE = 1 << 20


def check_files(task: GPTask, submission: Submission) -> None:
    """Raise ParameterError where a local file cannot be sent to the task's service."""
    for name, file in submission.files:
        check_uploads(task.service.known_info(), file.path, parameter=name, url=task.service.url)


def form_of(task: GPTask, submission: Submission) -> dict[str, FormValue]:
    """Return the form, once the local files in it were uploaded."""
    check_files(task, submission)
    for _, file in submission.files:
        try:
            file.update(upload(task.session, task.service.url, file.path))
        except (ServiceError, TransportError) as error:
            error.args = (
                f"{str(file.path)!r} was not uploaded, and {task.name} not submitted. {error.args[0]}",
            )
            raise
    return submission.finished()


def takes_multipart(task: GPTask, form: Mapping[str, FormValue]) -> bool:
    """Whether a form is worth the question, and the service says that it reads multipart bodies."""
    if form_size(form) < _LARGE:
        return False
    known = task.service.described()
    return known is not None and known.takes_multipart
