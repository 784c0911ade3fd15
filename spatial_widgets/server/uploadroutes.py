"""What clients ask about uploads, and how it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.server.wire import Fault

if TYPE_CHECKING:
    from spatial_widgets.server.form import FilePart
    from spatial_widgets.server.routes import Asked
    from spatial_widgets.server.uploads import Item, Uploads

__all__ = ["UploadRoutes"]


class UploadRoutes:
    """The operations below ``…/GPServer/uploads``, by the names that the table of routes has."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def uploads(self, _: Asked) -> dict[str, Any]:
        """Return all items."""
        return {"items": [item.to_json() for item in self._uploads.items()]}

    def uploads_info(self, _: Asked) -> dict[str, Any]:
        """Return what may be uploaded."""
        return self._uploads.info()

    def upload(self, asked: Asked) -> dict[str, Any]:
        """Take a whole file."""
        return _done(
            self._uploads.upload(
                _file(asked), name=asked.option("itemName"), description=asked.option("description")
            )
        )

    def register(self, asked: Asked) -> dict[str, Any]:
        """Begin an item in parts."""
        return _done(self._uploads.register(asked.option("itemName"), asked.option("description")))

    def item(self, asked: Asked) -> dict[str, Any]:
        """Return one item."""
        return self._uploads.item(asked.values["itemID"]).to_json()

    def parts(self, asked: Asked) -> dict[str, Any]:
        """Return the numbers of an item's parts."""
        return {"parts": self._uploads.parts(asked.values["itemID"])}

    def upload_part(self, asked: Asked) -> dict[str, Any]:
        """Take a part."""
        part = asked.option("partId") or asked.option("partNum")
        self._uploads.add_part(asked.values["itemID"], part, _file(asked))
        return {"success": True, "partId": int(part)}

    def commit(self, asked: Asked) -> dict[str, Any]:
        """Put an item together."""
        return _done(
            self._uploads.commit(asked.values["itemID"], asked.option("parts"), asked.option("checksum"))
        )

    def delete(self, asked: Asked) -> dict[str, Any]:
        """Delete an item; not by GET, which browsers and link checkers send on their own."""
        if asked.request.method != "POST":
            raise Fault(405, "An item is deleted with POST.")
        self._uploads.delete(asked.values["itemID"])
        return {"success": True}


def _done(item: Item) -> dict[str, Any]:
    return {"success": True, "item": item.to_json()}


def _file(asked: Asked) -> FilePart | None:
    files = {name.casefold(): file for name, file in asked.request.files.items()}
    return files.get("file") or (next(iter(files.values())) if len(files) == 1 else None)
