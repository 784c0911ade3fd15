import re
from html.parser import HTMLParser

import pytest
from faces import ROOT, CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.wire import Request

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "nav", "a", "table", "tr", "th", "td", "p", "code",
}  # fmt: skip


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.attributes = set(), [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]


def page(core, path, **form):
    response = core.handle(Request("GET", path, {"f": "html", **form}))
    text = response.body.decode()
    assert response.content_type == "text/html; charset=utf-8"
    reader = Reader()
    reader.feed(text)
    assert reader.tags <= ALLOWED, reader.tags
    assert reader.attributes <= {"href", "lang", "charset", "name", "content"}
    assert all(link.startswith("/") for link in reader.links), reader.links
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    return text, reader.links


def test_a_person_can_walk_from_the_service_to_a_result(core, face):
    face.submit("Greet", name="Ada")
    seen, path = [], "/arcgis/rest/services"
    for pattern in (r"GPServer$", r"/Greet$", None, r"/j[0-9a-f]{32}$", r"results/text$", None):
        text, links = page(core, path)
        seen.append(path)
        if pattern is None and path.endswith("/Greet"):
            path += "/jobs"
        elif pattern is not None:
            path = next(link for link in links if re.search(pattern, link))
    assert "Hello Ada." in text
    assert f'<a href="{ROOT}">GPServer</a>' in text


@pytest.mark.parametrize("where", ["path", "task", "name", "message", "upload", "option"])
def test_whatever_is_shown_is_escaped(core, face, where):
    if where == "name":
        job = face.submit("Greet", name=EVIL)
        texts = [page(core, f"{job}/{rest}")[0] for rest in ("results", "inputs/name", "")]
    elif where == "message":
        texts = [page(core, face.submit("Refuse", text=EVIL))[0]]
    elif where == "upload":
        texts = [page(core, f"{ROOT}/uploads/upload", itemName=EVIL)[0]]
    elif where == "option":
        texts = [page(core, f"{ROOT}/Greet/jobs", num=EVIL)[0]]
    else:
        texts = [page(core, f"{ROOT}/{EVIL}" if where == "path" else f"/{EVIL}")[0]]
    for text in texts:
        assert "<script" not in text
        assert "<img" not in text


def test_a_page_never_grows_beyond_reading(core, face):
    job = face.submit("Chatter", lines="900")
    assert len(page(core, job)[0]) < 500_000
    long = face.submit("Greet", name="x" * 3_000_000)
    assert "bytes; a page would not show them" in page(core, f"{long}/results")[0]


def test_html_comes_when_a_browser_asks_without_a_format(core):
    accept = {"accept": "text/html,application/xhtml+xml"}
    assert core.handle(Request("GET", ROOT, {}, accept)).content_type.startswith("text/html")
    assert core.handle(Request("GET", ROOT, {"f": "json"}, accept)).json()["tasks"]
    assert core.handle(Request("GET", ROOT, {}, {"accept": "*/*"})).json()["tasks"]


def test_an_error_is_a_page_too(core):
    assert "no task" in page(core, f"{ROOT}/Nope")[0]


def test_a_page_says_that_a_token_is_needed_only_where_it_is(core, tmp_path):
    assert "token" in page(core, ROOT)[0]
    with build_core(tmp_path / "other", TOYS, is_anonymous=True) as other:
        assert "token" not in page(other, ROOT)[0]
        assert CoreFace(other).ask("/arcgis/rest/info")["authInfo"]["isTokenBasedSecurity"] is False
