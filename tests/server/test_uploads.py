import hashlib
import json

import pytest
from faces import ROOT, CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.form import FilePart
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.uploads import Uploads
from spatial_widgets.server.wire import Fault, Request


def send(core, path, content=None, name="a.json", **form):
    files = {} if content is None else {"file": FilePart(name, content)}
    return core.handle(Request("POST", f"{ROOT}/uploads/{path}", form, {}, files)).json()


def test_info_says_what_may_be_uploaded(face):
    info = face.ask(f"{ROOT}/uploads/info")
    assert info["maxUploadFileSize"] == 256
    assert "json" in info["allowedUploadFileTypes"].split(",")


def test_a_file_is_uploaded_shown_listed_and_deleted(core, face):
    reply = send(core, "upload", b"{}", description="mine")
    assert reply["success"] is True
    item = reply["item"]
    assert {"itemID", "itemName", "description", "date", "committed"} <= set(item)
    assert (item["itemName"], item["description"], item["committed"]) == ("a.json", "mine", True)
    assert item["itemID"][0] == "i"
    path = f"{ROOT}/uploads/{item['itemID']}"
    assert face.ask(path) == item
    assert face.ask(f"{ROOT}/Uploads/")["items"] == [item]
    assert face.ask(f"{path}/delete", "GET")["error"]["code"] == 405
    assert face.ask(f"{path}/delete") == {"success": True}
    assert face.ask(path)["error"]["code"] == 404
    assert face.ask(f"{path}/delete")["error"]["code"] == 404


def test_a_file_in_parts_is_put_together_in_the_order_that_is_asked_for(core, face):
    reply = send(core, "register", itemName="big.txt", description="in parts")
    item = reply["item"]
    assert item["committed"] is False
    at = item["itemID"]
    assert send(core, f"{at}/uploadPart", b"world", "x", partId="2")["success"] is True
    assert send(core, f"{at}/uploadPart", b"oops", "x", partId="1")["success"] is True
    assert send(core, f"{at}/uploadPart", b"hello ", "x", partId="1")["success"] is True
    assert face.ask(f"{ROOT}/uploads/{at}/parts") == {"parts": [1, 2]}
    assert "no part 3" in send(core, f"{at}/commit", parts="1,2,3")["error"]["message"]
    assert "checksum" in send(core, f"{at}/commit", parts="1,2", checksum="0" * 64)["error"]["message"]
    unknown = json.dumps({"itemID": at})
    assert "no uploaded item" in face.ask(f"{ROOT}/ReadFile/submitJob", inputFile=unknown)["error"]["message"]
    good = hashlib.md5(b"hello world").hexdigest()
    done = send(core, f"{at}/commit", parts="1, 2", checksum=good)
    assert done["item"]["committed"] is True
    assert done["item"]["size"] == 11
    assert "committed already" in send(core, f"{at}/uploadPart", b"x", "x", partId="3")["error"]["message"]
    assert "committed already" in send(core, f"{at}/commit")["error"]["message"]
    job = face.submit("ReadFile", inputFile=unknown)
    assert face.ask(f"{job}/results/result")["value"] == ".txt: hello world"


@pytest.mark.parametrize(
    "name",
    ["a", "a.exe", "a.json.exe", "", ".", "..", "a.py", "a.json/", "x" * 300 + ".json", "a.vrt", "a.\0json"],
)
def test_a_file_of_another_kind_is_refused(core, name):
    reply = send(core, "upload", b"x", name)
    assert reply["error"]["code"] == 400
    assert ".json" in reply["error"]["message"]


@pytest.mark.parametrize(
    "name", ["../../../evil.json", "C:\\windows\\evil.json", "/etc/evil.json", "a\nb.json", "<b>.json"]
)
def test_the_clients_name_never_becomes_a_path(core, name):
    reply = send(core, "upload", b"x", name)
    at = core.store.folder / "uploads" / reply["item"]["itemID"]
    assert sorted(path.name for path in at.iterdir()) == ["content.json", "item.json"]
    assert "/" not in reply["item"]["itemName"]
    assert "\\" not in reply["item"]["itemName"]


@pytest.mark.parametrize(
    "item_id", ["..", "i" + "0" * 36, "..%2f..", "i../../x", "item.json", "i%00", "I" * 37]
)
@pytest.mark.parametrize("verb", ["", "/delete", "/commit", "/parts"])
def test_an_id_that_is_none_leads_nowhere(face, item_id, verb):
    assert face.ask(f"{ROOT}/uploads/{item_id}{verb}")["error"]["code"] in {400, 404}


@pytest.mark.parametrize("part", ["", "x", "-1", "99999", "1/2", "../1", "٣"])
def test_a_part_has_a_number(core, part):
    at = send(core, "register", itemName="a.json")["item"]["itemID"]
    assert "number" in send(core, f"{at}/uploadPart", b"x", partId=part)["error"]["message"]


def test_a_missing_file_is_told(core):
    assert "multipart" in send(core, "upload")["error"]["message"]
    at = send(core, "register", itemName="a.json")["item"]["itemID"]
    assert "multipart" in send(core, f"{at}/uploadPart", partId="1")["error"]["message"]


def test_sizes_and_numbers_are_limited_and_nothing_is_left_behind(tmp_path):
    limits = Limits(upload_bytes=10, uploads=3, uploads_bytes=2000)
    with build_core(tmp_path / "store", TOYS, limits=limits) as core:
        assert send(core, "upload", b"x" * 11)["error"]["code"] == 413
        assert list((tmp_path / "store" / "uploads").iterdir()) == []
        at = send(core, "register", itemName="a.json")["item"]["itemID"]
        assert send(core, f"{at}/uploadPart", b"x" * 8, partId="1")["success"]
        assert send(core, f"{at}/uploadPart", b"x" * 8, partId="2")["error"]["code"] == 413
        assert send(core, "upload", b"1")["success"]
        assert send(core, "upload", b"1")["success"]
        assert "3 uploaded files" in send(core, "upload", b"1")["error"]["message"]
    with build_core(tmp_path / "store", TOYS, limits=Limits(uploads_bytes=1000)) as core:
        assert "together" in send(core, "upload", b"x" * 900)["error"]["message"]


def test_old_and_unfinished_items_are_swept(tmp_path):
    now = [1000.0]
    uploads = Uploads(tmp_path / "u", Limits(keep_s=10.0), clock=lambda: now[0])
    old = uploads.upload(FilePart("a.json", b"1"))
    (tmp_path / "u" / "i-broken").mkdir()
    now[0] += 11
    young = uploads.upload(FilePart("b.json", b"2"))
    assert [item.item_id for item in uploads.items()] == [young.item_id]
    assert [path.name for path in (tmp_path / "u").iterdir()] == [young.item_id]
    with pytest.raises(Fault, match="no uploaded item"):
        uploads.item(old.item_id)


def test_items_outlive_the_service(tmp_path):
    with build_core(tmp_path / "store", TOYS) as core:
        item = send(core, "upload", b"1")["item"]
    with build_core(tmp_path / "store", TOYS) as core:
        assert CoreFace(core).ask(f"{ROOT}/uploads/{item['itemID']}") == item
