"""Files that tasks give out: in this process, and over the wire."""

import json
import os
import stat

import pytest
from faces import ROOT, CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.client import ResultFile
from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.fileresults import disposition, shown_name
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Request


def fetch(core, url, **headers):
    return core.handle(Request("GET", url, {}, headers))


def content(response):
    with response.file as file:
        return file.read()


def failure(face, job):
    document = face.ended(job)
    assert document["jobStatus"] == "esriJobFailed", document
    return JobInfo.from_json(document).errors[0]


def folder_of(core, job):
    return core.store.files.folder(job.rsplit("/")[-1])


def test_outputs_that_are_files_are_described_as_such(face):
    parameters = {p["name"]: p for p in face.ask(f"{ROOT}/WriteFiles")["parameters"]}
    assert parameters["report"]["dataType"] == "GPDataFile"
    assert parameters["parts"]["dataType"] == "GPMultiValue:GPDataFile"
    assert parameters["report"]["direction"] == "esriGPParameterDirectionOutput"


def test_a_result_that_is_a_file_is_an_address_that_gives_its_bytes(core, face):
    job = face.submit("WriteFiles", name="Map of Rome.txt", text="hello")
    assert list(face.ended(job)["results"]) == ["report", "parts", "size"]
    url = face.ask(f"{job}/results/report")["value"]["url"]
    assert url == f"{job}/results/report/0/Map%20of%20Rome.txt"
    response = fetch(core, f"{job}/results/report/0/Map of Rome.txt")
    assert content(response) == b"hello"
    assert response.content_type == "application/octet-stream"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"Map of Rome.txt\"; filename*=UTF-8''Map%20of%20Rome.txt"
    )
    parts = face.ask(f"{job}/results")[1]["value"]
    assert [part["url"].rpartition("/results/")[2] for part in parts] == [
        "parts/0/part%200.csv",
        "parts/1/part%201.csv",
    ]
    assert content(fetch(core, f"{job}/RESULTS/Parts/1/part 1.csv")) == b"n\n1\n"


def test_the_address_is_whole_where_the_client_says_how_it_knows_the_service(core, face):
    job = face.submit("WriteFiles")
    face.ended(job)
    reply = fetch(core, f"{job}/results/report", host="localhost:7")
    assert reply.json()["value"]["url"] == f"http://localhost:7{job}/results/report/0/report.txt"


def test_the_file_is_moved_to_a_name_of_ours_that_only_its_owner_reads(core, face):
    job = face.submit("WriteFiles", name="a b$(c).TXT")
    face.ended(job)
    kept = {path.name for path in folder_of(core, job).iterdir()}
    assert {"report.1.file0.txt", "parts.1.file0.csv", "parts.1.file1.csv"} <= kept
    assert list((folder_of(core, job) / "scratch.1").iterdir()) == []
    mode = (folder_of(core, job) / "report.1.file0.txt").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_file_from_elsewhere_is_copied_and_stays_as_it_was(core, face, tmp_path):
    source = tmp_path / "mine.dat"
    source.write_bytes(b"one")
    job = face.submit("GiveFile", source=source)
    face.ended(job)
    source.write_bytes(b"two, later")
    url = face.ask(f"{job}/results/result")["value"]["url"]
    assert content(fetch(core, url)) == b"one"
    assert source.read_bytes() == b"two, later"


def test_a_link_that_leads_out_of_the_scratch_folder_gives_a_copy(core, face, tmp_path):
    source = tmp_path / "mine.dat"
    source.write_bytes(b"one")
    link = tmp_path / "link.dat"
    link.symlink_to(source)
    job = face.submit("GiveFile", source=link)
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded"
    assert source.read_bytes() == b"one"
    assert link.is_symlink()
    assert face.ask(f"{job}/results/result")["value"]["url"].endswith("/link.dat")


def test_no_file_is_nothing(face):
    job = face.submit("GiveFile", source="none")
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded"
    assert face.ask(f"{job}/results/result")["value"] == ""


def test_a_synchronous_task_gives_files_too(core, face):
    reply = face.ask(f"{ROOT}/FileNow/execute", text="at once")
    assert content(fetch(core, reply["results"][0]["value"]["url"])) == b"at once"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("absent.txt", "there is no file 'absent.txt'"),
        ("folder", "pack it first"),
        ("pipe", "no regular file"),
    ],
)
def test_what_is_no_file_is_refused_and_named(face, tmp_path, made, said):
    if made == "folder":
        (tmp_path / made).mkdir()
    if made == "pipe":
        os.mkfifo(tmp_path / made)
    error = failure(face, face.submit("GiveFile", source=tmp_path / made))
    assert "The output 'result' cannot be given out" in error
    assert said in error


def test_files_over_the_limit_are_refused_together_and_leave_nothing(tmp_path):
    limits = Limits(result_bytes=100)
    with build_core(tmp_path / "store", TOYS, limits=limits) as core:
        face = CoreFace(core)
        job = face.submit("WriteFiles", text="x" * 101)
        assert "'report.txt' has more bytes than the service keeps of one output: at most 100" in failure(
            face, job
        )
        assert not [path for path in folder_of(core, job).iterdir() if "file" in path.name]
        job = face.submit("WriteFiles", many=30)
        assert "The output 'parts' cannot be given out" in failure(face, job)


@pytest.mark.parametrize(
    "address",
    [
        "report/0/other.txt",
        "report/1/report.txt",
        "report/0/..",
        "report/0/../../../parameters.json",
        "../0/parameters.json",
        "report.1.file0.txt",
        "report/0/report.1.file0.txt",
        "report/0/%2e%2e%2fparameters.json",
        "report/0/report.txt\0",
    ],
)
def test_only_the_addresses_of_files_lead_to_files(core, face, address):
    job = face.submit("WriteFiles")
    face.ended(job)
    response = fetch(core, f"{job}/results/{address}")
    assert response.file is None
    assert response.json()["error"]["code"] == 404


def test_a_file_of_one_job_is_not_to_be_had_of_another(core, face):
    first, second = (face.submit("WriteFiles", name=f"{n}.txt") for n in "ab")
    for job in (first, second):
        face.ended(job)
    assert fetch(core, f"{second}/results/report/0/a.txt").json()["error"]["code"] == 404


def test_a_file_that_was_changed_on_the_disk_is_not_given_out(core, face):
    job = face.submit("WriteFiles")
    face.ended(job)
    (folder_of(core, job) / "report.1.file0.txt").write_text("jello")
    reply = fetch(core, f"{job}/results/report/0/report.txt").json()
    assert reply["error"]["code"] == 500
    assert "damaged or gone" in reply["error"]["message"]


def test_files_go_with_their_job_but_one_that_is_being_read_is_read_to_its_end(core, face):
    job = face.submit("WriteFiles")
    face.ended(job)
    response = fetch(core, f"{job}/results/report/0/report.txt")
    core.store.sweep(keep_s=-1, keep_jobs=10)
    assert not folder_of(core, job).exists()
    assert content(response) == b"hello"
    assert "error" in fetch(core, f"{job}/results/report/0/report.txt").json()


def test_a_file_is_the_input_of_the_next_job_by_its_address_or_its_results(core, face):
    job = face.submit("WriteFiles", text="hello")
    face.ended(job)
    for name in ("report", "report/0/report.txt"):
        next_job = face.submit(
            "ReadFile", inputFile=json.dumps({"url": f"http://localhost:1{job}/results/{name}"})
        )
        face.ended(next_job)
        assert face.ask(f"{next_job}/results/result")["value"] == ".txt: hello"
    rows = face.submit("Rows", inputTable=json.dumps({"url": f"{job}/results/parts/1/part%201.csv"}))
    face.ended(rows)
    assert face.ask(f"{rows}/results/result")["value"]["features"] == [{"attributes": {"n": 1}}]


def test_a_file_that_is_no_layer_is_refused_as_one(core, face):
    job = face.submit("WriteFiles", name="layer.parquet")
    face.ended(job)
    reply = face.ask(f"{ROOT}/Rows/submitJob", inputTable=json.dumps({"url": f"{job}/results/report"}))
    assert "'layer.parquet' is not read as a layer" in reply["error"]["message"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.txt", "report.txt"),
        ("Žluťoučký kůň.pdf", "Žluťoučký kůň.pdf"),
        ('a/b\\c:d*?"<>|;.txt', "a_b_c_d_______.txt"),
        ("line\r\nbreak.txt", "line__break.txt"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("..", "file"),
        (" .hidden. ", "hidden"),
        ("x" * 300 + ".zip", "x" * 96 + ".zip"),
        ("x" * 300, "x" * 100),
        (".tar.gz", "tar.gz"),
    ],
)
def test_a_name_is_cleaned_before_it_is_shown(name, shown):
    assert shown_name(name) == shown
    header = disposition(shown)
    assert header.isascii()
    assert header.isprintable()


def test_a_task_that_is_run_without_a_service_names_its_file(tmp_path):
    (tmp_path / "a b.txt").touch()
    assert TOYS["GiveFile"].run(None, {"source": str(tmp_path / "a b.txt")}) == {
        "result": {"url": (tmp_path / "a b.txt").as_uri()}
    }
    assert TOYS["GiveFile"].run(None, {"source": "none"}) == {"result": ""}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from spatial_widgets import LocalService

    with LocalService.start(
        store=tmp_path_factory.mktemp("store"), tasks=["tasks_for_tests"], workers=1
    ) as service:
        yield service


def test_our_own_client_reads_files_end_to_end(served, tmp_path):
    service = served.service()
    job = service.task("WriteFiles").submit(name="Größe.txt", text="x" * 1_000_000)
    found = job.result()
    assert list(found) == ["report", "parts", "size"]
    assert isinstance(found["report"], ResultFile)
    assert found["report"].url.endswith("/results/report/0/Gr%C3%B6%C3%9Fe.txt")
    assert found["report"].read() == b"x" * 1_000_000
    assert [part.save(tmp_path / f"{n}.csv").read_text() for n, part in enumerate(found["parts"])] == [
        "n\n0\n",
        "n\n1\n",
    ]
    assert found["size"] == 1_000_000
    again = service.task("ReadFile").submit(inputFile=found["parts"][1])
    assert again.result() == ".csv: n\n1\n"


def test_a_file_needs_the_token_and_is_never_shown_by_a_browser(served):
    import http.client
    from urllib.parse import urlsplit

    url = urlsplit(served.service().task("WriteFiles").submit().result("report").url)
    bearer = {"X-Esri-Authorization": f"Bearer {served.token}"}

    def ask(method="GET", path=url.path, **headers):
        connection = http.client.HTTPConnection(url.netloc, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    assert json.loads(ask()[1])["error"]["code"] == 499
    assert json.loads(ask(**{"X-Esri-Authorization": "Bearer wrong"})[1])["error"]["code"] == 498
    assert ask(**bearer, Origin="https://evil.example")[0].status == 403
    response, body = ask(**bearer)
    assert body == b"hello"
    assert response.getheader("Content-Type") == "application/octet-stream"
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert response.getheader("Content-Disposition").startswith("attachment;")
    assert response.getheader("Content-Length") == "5"
    response, body = ask("HEAD", **bearer)
    assert (response.getheader("Content-Length"), body) == ("5", b"")
    response, body = ask(path=url.path.replace("/report.txt", "/..%2f..%2fparameters.json"), **bearer)
    assert json.loads(body)["error"]["code"] == 404
