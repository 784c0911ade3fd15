"""Local files on their way to a service that takes uploads.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/upload/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError, ProtocolError
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from pathlib import Path

    from spatial_widgets.client.session import GPSession
    from spatial_widgets.protocol import ServiceInfo

__all__ = ["CAPABILITY", "check_uploads", "upload"]

#: What a service that takes files lists among its capabilities.
CAPABILITY = "Uploads"


def check_uploads(info: ServiceInfo, path: Path, *, parameter: str, url: str) -> None:
    """Raise ParameterError when a service takes no uploads, or no file like this one."""
    reason = ""
    if not any(word.casefold() == CAPABILITY.casefold() for word in info.capabilities):
        reason = (
            f"is on this machine, and the service {url} takes no uploads. "
            "Put it where the service can fetch it, and pass its URL"
        )
    elif not path.is_file():
        reason = "is a folder. Pack it into a .zip file, and pass that"
    elif not path.suffix:
        reason = "has no extension, and services refuse such files. Rename it"
    if reason:
        raise ParameterError(
            f"Parameter {parameter!r}: {str(path)!r} {reason}. Nothing was sent.",
            parameter=parameter,
            value=path,
            expected="a URL",
        )


def upload(session: GPSession, service_url: str, path: Path) -> dict[str, Any]:
    """Upload a file and return ``{"itemID"}``, by which a parameter names it. One POST, never repeated.

    The file is read while it is sent.

    Raises
    ------
    ServiceError : the service refused the file, for its size or kind.
    TransportError : no answer came.
    """
    url = join(service_url, "uploads", "upload")
    document = session.post_file(url, path)
    item = document.get("item") if isinstance(document, dict) else None
    item_id = item.get("itemID") if isinstance(item, dict) else None
    if not isinstance(item_id, str) or not item_id:
        raise ProtocolError(f"POST {url}: the answer has no itemID.", url=url, excerpt=repr(document))
    return {"itemID": item_id}
