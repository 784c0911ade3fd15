"""What makes two submissions the same: a SHA-256 of the form as it is sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.secret import Secret
from spatial_widgets.codec import LocalFile, form_pieces
from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client.parameters import Submission

__all__ = ["fingerprint"]


def fingerprint(submission: Submission) -> str:
    """Return the SHA-256, as hex, of a form's fields in the order of their names; files count by their content.

    Made of the text that is sent, before files are uploaded: nothing is encoded twice.

    Raises
    ------
    ParameterError : a file cannot be read.
    """
    waiting = {name: form_pieces(_by_content(tree)) for name, tree in submission.waiting.items()}
    digest = hashlib.sha256(usedforsecurity=False)
    for name, value in sorted({**submission.fields, **waiting}.items()):
        pieces: Sequence[bytes] = [str(value).encode()] if isinstance(value, (str, Secret)) else value
        # With the lengths, no two forms give the same bytes.
        digest.update(b"%d:%s=%d:" % (len(name.encode()), name.encode(), sum(map(len, pieces))))
        for piece in pieces:
            digest.update(piece)
    return digest.hexdigest()


def _by_content(tree: Any) -> Any:
    """Return an encoded value with the hash of each file of this machine in its place."""
    if isinstance(tree, LocalFile):
        return {"sha256": _file_digest(tree)}
    if isinstance(tree, dict):
        return {key: _by_content(value) for key, value in tree.items()}
    return [_by_content(value) for value in tree] if isinstance(tree, list) else tree


def _file_digest(file: LocalFile) -> str:
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ParameterError(
            f"The file {str(file.path)!r} cannot be read: {error}. Nothing was sent.", value=file.path
        ) from error
