"""Signing in over real sockets: who is asked for a token, what for, and how often."""

import datetime as dt
import threading

import pytest
from fakes import POINT_LAYER, Raw, ScriptedApp, error
from signing import CLIENT_SECRET, PASSWORD, Hands, Portal, Server

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import AppLogin, GPSession, Token, UserLogin, history
from spatial_widgets.client.tokensource import Clocks


def by_hand(hands):
    return Clocks(now=lambda: hands.monotonic, wall=lambda: hands.clock)


def run(server, auth):
    """Submit a job, wait for it and read its result."""
    return (
        sw.GPService(server.url, auth=auth)
        .task("Buffer")
        .submit(inputLayer=POINT_LAYER)
        .result("bufferLayer")
    )


@pytest.fixture
def portal():
    with Portal() as portal:
        yield portal


@pytest.fixture
def alone():
    """A stand-alone server."""
    with Server() as server:
        yield server


@pytest.fixture
def federated(portal):
    with Server(portal) as server:
        yield server


# ---------------------------------------------------------------- who is asked


def test_a_stand_alone_server_names_its_own_token_service(alone):
    assert len(run(alone, UserLogin("ana", PASSWORD))) == 1
    assert alone.count("info") == 1
    assert alone.count("generateToken") == 1
    form = next(a.form for a in alone.asked if a.operation == "generateToken")
    assert form == {
        "username": "ana",
        "password": PASSWORD,
        "expiration": "60",
        "client": "requestip",
        "f": "json",
    }


def test_a_federated_server_names_its_portal_which_gives_a_token_of_its_own(portal, federated):
    assert len(run(federated, UserLogin("ana", PASSWORD))) == 1
    first, second = portal.asked
    assert first.form["username"] == "ana"
    assert second.form["token"] in portal.tokens.good
    assert second.form["serverUrl"] == federated.arcgis
    assert "password" not in second.form
    assert not any("portal-token" in head for head in federated.heads)


@pytest.mark.parametrize(
    "told",
    ["", "/", "/home/index.html", "/sharing/rest", "/sharing/rest/generateToken"],
)
def test_a_portal_is_understood_as_people_copy_its_address(portal, federated, told):
    assert run(federated, UserLogin("ana", PASSWORD, portal=portal.url + told)) is not None
    assert federated.count("info") == 0


def test_a_token_service_may_be_told(alone, portal, federated):
    assert (
        run(alone, UserLogin("ana", PASSWORD, token_url=f"{alone.arcgis}/tokens/generateToken")) is not None
    )
    assert alone.count("info") == 0
    assert (
        run(federated, UserLogin("ana", PASSWORD, token_url=f"{portal.url}/sharing/rest/generateToken"))
        is not None
    )


def test_an_application_signs_in_with_its_secret(portal, federated):
    assert len(run(federated, AppLogin("app", CLIENT_SECRET, portal=portal.url, minutes=30))) == 1
    assert portal.asked[0].form == {
        "client_id": "app",
        "client_secret": CLIENT_SECRET,
        "grant_type": "client_credentials",
        "expiration": "30",
        "f": "json",
    }
    assert portal.count("generateToken") == 1  # the exchange


def test_one_login_serves_two_servers_each_with_a_token_of_its_own(portal, federated):
    login = UserLogin("ana", PASSWORD, portal=portal.url)
    with Server(portal) as other:
        run(federated, login)
        run(other, login)
        assert len(federated.tokens.good) == len(other.tokens.good) == 1
    assert sum("username" in asked.form for asked in portal.asked) == 1
    assert sum("serverUrl" in asked.form for asked in portal.asked) == 2


def test_a_server_that_names_nobody_says_what_to_pass(alone):
    alone.info = {"currentVersion": 11.1}
    with pytest.raises(errors.AuthenticationError, match=r"names no portal.*token_url="):
        run(alone, UserLogin("ana", PASSWORD))


def test_a_server_without_rest_info_says_what_to_pass(alone):
    alone.info = Raw("<html>not here</html>", 404)
    with pytest.raises(errors.AuthenticationError, match=r"rest/info[^\0]*portal="):
        run(alone, UserLogin("ana", PASSWORD))


def test_the_portal_says_that_a_server_is_not_its_own(portal, alone):
    with pytest.raises(errors.AuthenticationError, match="federated") as caught:
        run(alone, UserLogin("ana", PASSWORD, portal=portal.url))
    assert alone.arcgis in str(caught.value)


# ---------------------------------------------------------------- the password


def test_a_password_is_asked_for_once_and_in_the_callers_thread(alone):
    asked = []

    def ask():
        asked.append(threading.current_thread())
        return PASSWORD

    login = UserLogin("ana", ask)
    assert not asked
    run(alone, login)
    assert asked == [threading.main_thread()]


def test_a_wrong_password_is_told_with_what_the_portal_said_and_not_sent_again(alone):
    login = UserLogin("ana", "wrong-one/2")
    service = sw.GPService(alone.url, auth=login)
    for _ in range(3):
        with pytest.raises(errors.AuthenticationError, match="Unable to generate token") as caught:
            service.tasks()
        assert "/tokens/generateToken" in str(caught.value)
        assert "wrong-one" not in str(caught.value)
    assert alone.count("generateToken") == 1


def test_after_a_minute_a_refused_password_may_be_tried_again(alone):
    hands = Hands()
    service = sw.GPService(alone.url, auth=UserLogin("ana", "wrong-one/2", clocks=by_hand(hands)))
    for seconds, sent in ((0, 1), (59, 1), (2, 2)):
        hands.pass_(seconds)
        with pytest.raises(errors.AuthenticationError):
            service.tasks()
        assert alone.count("generateToken") == sent


def test_a_person_who_mistyped_is_asked_again(alone):
    words = iter(["mistyped", PASSWORD])
    service = sw.GPService(alone.url, auth=UserLogin("ana", lambda: next(words)))
    with pytest.raises(errors.AuthenticationError):
        service.tasks()
    assert service.tasks() == ["Buffer"]


def test_a_wrong_client_secret_is_told_as_oauth_says_it(portal, federated):
    with pytest.raises(errors.AuthenticationError, match=r"\(invalid_client\)") as caught:
        run(federated, AppLogin("app", "wrong-secret-9", portal=portal.url))
    assert "Wrong: ***" in str(caught.value)
    assert "/sharing/rest/oauth2/token" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Raw("<html>Sign in</html>"), "portal or token service"),
        (Raw("", 502), "HTTP 502"),
        ({"ok": True}, "holds none"),
        (error(500, "Database down"), "Database down"),
    ],
    ids=["HTML", "gateway", "no token", "fault"],
)
def test_a_token_service_in_trouble_is_no_refusal(portal, federated, answer, words):
    portal.answers = [answer] * 3
    with pytest.raises(errors.TransportError, match=words) as caught:
        GPSession(federated.url, auth=UserLogin("ana", PASSWORD, portal=portal.url)).get_json(
            federated.url, retry=False
        )
    assert f"{portal.url}/sharing/rest/generateToken" in str(caught.value)
    assert "Nothing was sent to the service" in str(caught.value)


@pytest.mark.parametrize("answer", [Raw("", 502), {"ok": True}, error(500, "Database down")])
@pytest.mark.parametrize("when", ["the token is over", "the token is refused"])
def test_a_submit_that_nobody_could_sign_in_for_made_no_job(
    portal, federated, when, answer, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path))
    hands = Hands()
    session = logged_in(federated, portal, hands)
    service = sw.GPService(federated.url, session=session)
    task = service.task("Buffer")
    task.info()
    service.described()
    portal.tokens.good.clear()
    federated.tokens.good.clear()
    if when == "the token is over":
        hands.pass_(4000)
    portal.answers = [answer] * 3
    with pytest.raises(errors.TransportError, match="No token came from") as caught:
        task.submit(inputLayer=POINT_LAYER)
    assert not caught.value.sent
    assert "may have accepted" not in str(caught.value)
    assert history.recent() == []
    history.close()
    assert federated.app.count("submitJob") == 0


def test_a_portal_that_is_not_there_is_named(federated):
    login = UserLogin("ana", PASSWORD, portal="http://127.0.0.1:9/portal")
    with pytest.raises(errors.TransportError, match="127.0.0.1:9/portal/sharing/rest/generateToken"):
        GPSession(federated.url, auth=login).get_json(federated.url, retry=False)


# ---------------------------------------------------------------- where a password does not go


def test_no_password_goes_over_plain_http():
    for wrong in (
        "http://portal.test/portal",
        "ftp://a.test",
        "a.test",
        "https://u:p@a.test",
        "https://a:b",
        5,
    ):
        with pytest.raises(errors.ParameterError, match="portal"):
            UserLogin("ana", PASSWORD, portal=wrong)
        with pytest.raises(errors.ParameterError, match="portal"):
            AppLogin("app", CLIENT_SECRET, portal=wrong)
    with pytest.raises(errors.ParameterError, match="https://server.test/arcgis/tokens"):
        UserLogin("ana", PASSWORD, token_url="http://server.test/arcgis/tokens/generateToken")


@pytest.mark.filterwarnings("ignore:.*not encrypted")
def test_a_server_on_plain_http_is_not_asked_who_signs_in():
    app = ScriptedApp()
    session = GPSession(
        "http://plain-1.test/arcgis/rest/services/tasks/GPServer",
        auth=UserLogin("ana", PASSWORD),
        adapter=lambda: app,
    )
    with pytest.raises(errors.AuthenticationError, match="plain http"):
        session.get_json("http://plain-1.test/arcgis/rest/services/tasks/GPServer")
    assert app.asked == []


@pytest.mark.parametrize(
    "named",
    [
        "http://other.test/arcgis/tokens/",
        "http://127.0.0.1:1/tokens",
        "//x",
        "x",
        "https://h:port/",
        "https://[h/",
    ],
)
def test_a_server_cannot_name_an_address_without_tls(named):
    app = ScriptedApp()
    app.answers["info"] = [{"authInfo": {"tokenServicesUrl": named}}]
    with pytest.raises(errors.AuthenticationError, match="no https address"):
        app.service(auth=UserLogin("ana", PASSWORD)).tasks()
    assert app.count("info") == len(app.asked) == 1


class Online(ScriptedApp):
    """Whatever is asked, by host."""

    def __init__(self, **answers):
        super().__init__()
        self.answers = {name: [answer] for name, answer in answers.items()}

    def session(self, url, auth):
        return GPSession(url, auth=auth, adapter=lambda: self)


@pytest.mark.parametrize("service", ["https://analysis7.arcgis.com", "https://arcgis.com"])
def test_the_servers_of_arcgis_online_take_the_portals_own_token(service):
    app = Online(token={"access_token": "online-token", "expires_in": 7200})
    url = f"{service}/arcgis/rest/services/tasks/GPServer"
    app.session(url, AppLogin("app", CLIENT_SECRET, portal="https://www.arcgis.com")).get_json(url)
    assert [a.operation for a in app.asked] == ["token", "GPServer"]
    assert app.asked[0].url == "https://www.arcgis.com/sharing/rest/oauth2/token"
    assert app.asked[1].headers["X-Esri-Authorization"] == "Bearer online-token"


@pytest.mark.parametrize("service", ["https://arcgis.com.evil.test", "https://evilarcgis.com"])
def test_a_name_like_that_of_arcgis_online_does_not(service):
    app = Online(token={"access_token": "online-token", "expires_in": 7200})
    url = f"{service}/arcgis/rest/services/tasks/GPServer"
    with pytest.raises(errors.AuthenticationError):
        app.session(url, AppLogin("app", CLIENT_SECRET, portal="https://www.arcgis.com")).get_json(url)
    assert [a.operation for a in app.asked] == ["token", "generateToken"]
    assert not any(service in a.url for a in app.asked)


def test_a_server_names_its_portal_over_tls():
    app = Online(
        info={"owningSystemUrl": "https://home/Portal/", "authInfo": {"tokenServicesUrl": "http://x.test"}},
        generateToken={"token": "a-portal-token", "expires": 0},
    )
    app.answers["generateToken"].append({"token": "a-server-token"})
    url = "https://gis.test:7443/arcgis/rest/services/tasks/GPServer"
    app.session(url, UserLogin("ana", PASSWORD)).get_json(url)
    assert [a.url.partition("?")[0] for a in app.asked] == [
        "https://gis.test:7443/arcgis/rest/info",
        "https://home/Portal/sharing/rest/generateToken",
        "https://home/Portal/sharing/rest/generateToken",
        url,
    ]


def test_rest_info_of_another_origin_is_not_believed(portal, alone):
    with Server(portal) as elsewhere:
        alone.info = Raw("", 302, Location=f"{elsewhere.arcgis}/rest/info?f=json")
        with pytest.raises(errors.AuthenticationError, match="redirected"):
            run(alone, UserLogin("ana", PASSWORD))
        assert elsewhere.asked == portal.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_the_sign_in_is_not_followed(portal, federated, status):
    with Portal() as thief:
        portal.answers = [Raw("", status, Location=f"{thief.url}/sharing/rest/generateToken")]
        with pytest.raises(errors.AuthenticationError, match="not followed"):
            run(federated, UserLogin("ana", PASSWORD, portal=portal.url))
        assert thief.asked == []


# ---------------------------------------------------------------- renewal


def logged_in(server, portal, hands, minutes=60, **options):
    login = UserLogin("ana", PASSWORD, portal=portal.url, minutes=minutes, clocks=by_hand(hands), **options)
    session = GPSession(server.url, auth=login)
    session.get_json(server.url)
    return session


@pytest.mark.parametrize(
    ("minutes", "life_s", "kept_s", "due_s"),
    [
        (60, 86_400, 3290, 3305),  # what was asked for is sooner
        (600, 3600, 3280, 3305),  # what the server gave is sooner
        (10, 86_400, 470, 485),  # 80 % of a short life
    ],
    ids=["asked", "given", "short"],
)
@pytest.mark.parametrize("expires_as", [int, str], ids=["number", "text"])
def test_a_token_is_renewed_before_its_end(portal, federated, minutes, life_s, kept_s, due_s, expires_as):
    hands = Hands()
    portal.life_s, portal.expires_as = life_s, expires_as
    portal.skew_s = -7200.0  # a clock that is wrong does no harm
    session = logged_in(federated, portal, hands, minutes)
    hands.pass_(kept_s)
    session.get_json(federated.url)
    assert len(portal.asked) == 2
    hands.pass_(due_s - kept_s)
    session.get_json(federated.url)
    assert len(federated.tokens.good) == 2
    assert not any("498" in head for head in federated.heads)


@pytest.mark.parametrize("expires", [lambda _: None, lambda _: "soon", lambda _: True, lambda _: -1.0])
def test_without_a_usable_expires_the_minutes_count(portal, federated, expires):
    hands = Hands()
    portal.expires_as = expires
    session = logged_in(federated, portal, hands)
    hands.pass_(3200)
    session.get_json(federated.url)
    assert len(federated.tokens.good) == 1
    hands.pass_(200)
    session.get_json(federated.url)
    assert len(federated.tokens.good) == 2


def test_a_token_that_ended_while_the_laptop_slept_is_not_sent(portal, federated):
    hands = Hands()
    session = logged_in(federated, portal, hands)
    hands.pass_(8 * 3600, asleep=True)
    (old,) = federated.tokens.good
    federated.tokens.good.clear()
    portal.tokens.good.clear()
    session.get_json(federated.url)
    assert [old in head for head in federated.heads] == [True, False]


def test_an_early_renewal_that_fails_is_no_error_while_the_old_token_is_good(portal, federated):
    hands = Hands()
    session = logged_in(federated, portal, hands)
    portal.answers = [Raw("", 503)] * 99
    hands.pass_(3400)
    for _ in range(3):
        session.get_json(federated.url)
    assert len(portal.asked) == 4  # a sign-in and an exchange that fail once, and not again at once
    hands.pass_(300)
    with pytest.raises(errors.TransportError, match="generateToken"):
        session.get_json(federated.url, retry=False)


def test_a_poll_does_not_wait_for_an_early_renewal(portal, federated):
    hands = Hands()
    session = logged_in(federated, portal, hands)
    hands.pass_(3400)
    session.get_json(federated.url, deadline_s=10.0)
    source = session._tokens._source
    source._asked(source._fresh, None, 10.0)  # the renewal that goes on meanwhile
    session.get_json(federated.url, deadline_s=10.0)
    sent = [a.headers["X-Esri-Authorization"] for a in federated.asked]
    assert sent[0] == sent[1] != sent[2]
    assert len(federated.tokens.good) == 2


def test_fifty_threads_that_are_refused_at_once_share_one_renewal(portal, federated):
    session = logged_in(federated, portal, Hands())
    federated.tokens.good.clear()
    portal.tokens.good.clear()
    results = together(50, lambda: session.get_json(federated.url))
    assert [r["tasks"] for r in results] == [["Buffer"]] * 50
    assert len(portal.asked) == 2 + 3  # an exchange that is refused, a sign-in, an exchange
    assert len(federated.tokens.good) == 1


def test_fifty_threads_share_one_failure_too(portal, federated):
    session = logged_in(federated, portal, Hands())
    federated.tokens.good.clear()
    portal.answers = [error(400, "Unable to generate token.", ["The account is locked."])] * 99
    results = together(50, lambda: session.get_json(federated.url))
    assert {type(r) for r in results} == {errors.AuthenticationError}
    assert all(str(r).count("locked") == 1 for r in results)
    assert len(portal.asked) == 3


def together(count, act):
    results, start = [], threading.Barrier(count)

    def work():
        start.wait(10)
        try:
            results.append(act())
        except errors.SpatialWidgetsError as refused:
            results.append(refused)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_a_job_goes_on_over_a_renewal_and_a_submit_is_sent_again(portal, federated):
    session = logged_in(federated, portal, Hands())
    service = sw.GPService(federated.url, session=session)
    task = service.task("Buffer")
    task.info()
    service.info()
    federated.tokens.good.clear()
    job = task.submit(inputLayer=POINT_LAYER)
    federated.tokens.good.clear()
    assert job.wait().status.is_success
    assert federated.count("submitJob") == 2


def test_a_token_that_is_refused_after_the_renewal_is_an_error(portal, federated):
    session = logged_in(federated, portal, Hands())
    federated.app.answers["GPServer"] = [error(498, "Invalid token.")] * 9
    before = len(federated.asked)
    with pytest.raises(errors.AuthenticationError, match="referer="):
        session.get_json(federated.url)
    assert len(federated.asked) == before + 2


def test_403_never_renews(portal, federated):
    session = logged_in(federated, portal, Hands())
    federated.app.answers["GPServer"] = [error(403, "You do not have permissions.")]
    before = len(portal.asked)
    with pytest.raises(errors.AuthenticationError, match="permissions"):
        session.get_json(federated.url)
    assert len(portal.asked) == before


# ---------------------------------------------------------------- what a refusal says


def test_499_names_the_classes_and_who_signs_in(alone, portal, federated):
    with pytest.raises(errors.AuthenticationError, match="UserLogin") as caught:
        sw.GPService(alone.url).tasks()
    assert "AppLogin" in str(caught.value)
    assert f"the token service {alone.arcgis}/tokens/generateToken" in str(caught.value)
    with pytest.raises(errors.AuthenticationError, match=f"the portal {portal.url}"):
        sw.GPService(federated.url).tasks()


def test_499_is_told_where_rest_info_tells_nothing(alone):
    alone.info = Raw("<html>", 500)
    with pytest.raises(errors.AuthenticationError, match="UserLogin"):
        sw.GPService(alone.url).tasks()


def test_an_api_key_is_never_renewed_and_says_so(alone):
    key = "AAPKkey0123456789"
    with pytest.raises(errors.AuthenticationError, match="API key, which is never renewed"):
        sw.GPService(alone.url, auth=key).tasks()
    assert alone.count("GPServer") == 1


def test_a_token_that_has_expired_says_when(alone):
    ended = dt.datetime(2024, 5, 6, 7, 8, tzinfo=dt.UTC)
    for expires in (ended, ended.timestamp() * 1000, str(int(ended.timestamp() * 1000))):
        with pytest.raises(errors.AuthenticationError, match="expired at 2024-05-06 07:08"):
            sw.GPService(alone.url, auth=Token("old", expires=expires)).tasks()


# ---------------------------------------------------------------- how a token is sent


@pytest.mark.parametrize("kind", [UserLogin, AppLogin])
def test_a_token_bound_to_a_referer_goes_with_it(portal, federated, kind):
    if kind is UserLogin:
        login = UserLogin("ana", PASSWORD, portal=portal.url, referer="https://me.test/app")
    else:
        login = AppLogin("app", CLIENT_SECRET, portal=portal.url, referer="https://me.test/app")
    assert len(run(federated, login)) == 1
    assert {a.headers.get("Referer") for a in federated.asked + portal.asked} == {"https://me.test/app"}
    assert {a.method for a in federated.asked} == {"GET", "POST"}
    exchange = portal.asked[1].form
    assert (exchange["client"], exchange["referer"]) == ("referer", "https://me.test/app")


def test_a_referer_does_not_go_to_another_origin(alone, portal):
    with Server() as other:
        alone.tokens.good["t-0"] = other.tokens.good["t-0"] = "https://me.test/"
        alone.app.answers["GPServer"] = [Raw("", 302, Location=f"{other.url}?f=json")]
        with pytest.raises(errors.AuthenticationError):
            sw.GPService(alone.url, auth=Token("t-0", referer="https://me.test/")).tasks()
        assert "me.test" in alone.heads[0]
        assert "me.test" not in other.heads[0]
        assert "t-0" not in other.heads[0]


def test_a_refusal_from_another_origin_renews_nothing_and_says_that_no_token_was_sent_there(alone):
    made = []

    def tokens():
        made.append("t-0")
        return made[-1]

    with Server() as other:
        alone.tokens.good["t-0"] = None
        for code in (499, 498):
            alone.app.answers["GPServer"] = [Raw("", 301, Location=f"{other.url}?f=json")]
            if code == 498:
                other.token_of = lambda _: "none"
            with pytest.raises(errors.AuthenticationError, match=f"error {code}") as caught:
                sw.GPService(alone.url, auth=tokens).tasks()
            assert f"{alone.url} was redirected there, to another origin, where its token is not sent" in str(
                caught.value
            )
            assert "A token was sent" not in str(caught.value)
        assert len(made) == 2  # one for each service


def test_a_cookie_does_not_go_to_another_port(alone):
    with Server() as other:
        alone.tokens.good["t-0"] = None
        alone.app.answers["GPServer"] = [
            Raw({"tasks": []}, Set_Cookie="agstoken=t-0; Path=/"),
            Raw("", 302, Location=f"{other.url}?f=json"),
        ]
        session = GPSession(alone.url, auth="t-0")
        session.get_json(alone.url)
        with pytest.raises(errors.AuthenticationError):
            session.get_json(alone.url)
        assert "agstoken" in alone.heads[1]
        assert not any("t-0" in head for head in other.heads)


@pytest.mark.parametrize("kind", ["token", "user", "app"])
def test_in_body_a_token_is_in_no_line_but_that_of_the_form(portal, federated, kind):
    federated.takes_header = False
    federated.tokens.good["plain-token-1"] = None
    auth = {
        "token": Token("plain-token-1", in_body=True),
        "user": UserLogin("ana", PASSWORD, portal=portal.url, in_body=True),
        "app": AppLogin("app", CLIENT_SECRET, portal=portal.url, in_body=True),
    }[kind]
    federated.app.polls = ["esriJobExecuting", "esriJobSucceeded"]
    job = sw.GPService(federated.url, auth=auth).task("Buffer").submit(inputLayer=POINT_LAYER)
    job.wait()
    assert len(job.result("bufferLayer")) == 1
    assert {a.method for a in federated.asked} == {"POST"}
    assert not any("token" in head.casefold() for head in federated.heads)
    assert all(a.form["token"] in federated.tokens.good for a in federated.asked)


def test_in_body_a_renewed_token_and_a_large_form_and_a_file_are_sent_too(alone, tmp_path):
    alone.takes_header = False
    names = iter(["first-token", "second-token"])
    alone.tokens.good["second-token"] = None
    session = GPSession(alone.url, auth=Token(lambda: next(names), in_body=True))
    assert session.get_json(alone.url)["tasks"] == ["Buffer"]
    big = {"inputLayer": "x" * (3 << 20)}
    assert "jobId" in session.post_json(f"{alone.url}/Buffer/submitJob", big)
    assert "jobId" in session.post_json(f"{alone.url}/Buffer/submitJob", big, as_multipart=True)
    file = tmp_path / "a.zip"
    file.write_bytes(b"zip")
    assert session.post_file(f"{alone.url}/uploads/upload", file)["success"]
    alone.app.answers["x.bin"] = [Raw(b"whole")]
    assert b"".join(session.download(f"{alone.root}/arcgis/x.bin")) == b"whole"
    assert not any("token" in head.casefold() for head in alone.heads)


def test_in_body_a_redirect_to_another_origin_is_a_get_without_the_token(alone):
    with Server() as other:
        alone.tokens.good["t-0"] = None
        alone.app.answers["GPServer"] = [Raw("", 302, Location=f"{other.url}?f=json")]
        with pytest.raises(errors.AuthenticationError, match="499"):
            GPSession(alone.url, auth=Token("t-0", in_body=True)).get_json(alone.url)
        assert [a.method for a in other.asked] == ["GET"]
        assert "t-0" not in other.asked[0].form.values()


def test_a_function_may_return_a_token_with_its_end(alone):
    made = []

    def make():
        made.append(f"made-token-{len(made)}")
        alone.tokens.good[made[-1]] = None
        return Token(
            made[-1], expires=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=-1 if len(made) < 2 else 9999)
        )

    session = GPSession(alone.url, auth=make)
    session.get_json(alone.url)
    session.get_json(alone.url)
    session.get_json(alone.url)
    assert len(made) == 2


# ---------------------------------------------------------------- layers elsewhere


class Hosting(Server):
    """A server with a result layer, beside that of a GPServer."""

    def answer(self, asked):
        if "/FeatureServer/0" not in asked.path:
            return super().answer(asked)
        if self.private and not self.tokens.takes(self.token_of(asked), asked):
            return error(499, "Token Required")
        if asked.form.get("returnCountOnly"):
            return {"count": 0}
        return {
            "type": "Table",
            "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}],
            "objectIdField": "OBJECTID",
            "maxRecordCount": 10,
        }

    private = True

    @property
    def layer(self):
        return f"{self.arcgis}/rest/services/Hosted/out/FeatureServer/0"


def result_of(server, layer, auth, **value):
    server.app.results = {"bufferLayer": {"url": layer, **value}}
    return run(server, auth)


def test_a_layer_on_another_server_of_the_portal_is_read_with_a_token_of_its_own(portal, federated):
    with Hosting(portal) as hosting:
        for login in (UserLogin("ana", PASSWORD), AppLogin("app", CLIENT_SECRET, portal=portal.url)):
            assert len(result_of(federated, hosting.layer, login)) == 0
        assert hosting.tokens.good
        heads = federated.heads + hosting.heads
        assert not any(token in head for token in portal.tokens.good for head in heads)
        assert not any(token in head for token in federated.tokens.good for head in hosting.heads)


def test_a_layer_on_a_server_that_is_not_the_portals_gets_nothing(portal, federated):
    with Portal() as rogue_portal, Hosting(rogue_portal) as rogue:
        rogue.private = False
        assert len(result_of(federated, rogue.layer, UserLogin("ana", PASSWORD, portal=portal.url))) == 0
        assert rogue_portal.asked == []
        rogue.info = {"owningSystemUrl": portal.url}  # it lies; the portal knows better
        with pytest.raises(errors.AuthenticationError, match="federated"):
            result_of(federated, rogue.layer, UserLogin("ana", PASSWORD, portal=portal.url))
        assert not any("token" in head.casefold().replace("tokens", "") for head in rogue.heads)


def test_a_layer_with_its_own_token_is_read_with_that(portal, federated):
    with Hosting(portal) as hosting:
        hosting.tokens.good["layers-own-token"] = None
        login = UserLogin("ana", PASSWORD, portal=portal.url)
        assert len(result_of(federated, hosting.layer, login, token="layers-own-token")) == 0
        assert hosting.count("info") == 0


def test_a_plain_token_stays_at_home_but_for_where_it_is_told_to_go(alone):
    alone.tokens.good["plain-token-1"] = None
    with Hosting() as hosting:
        hosting.tokens.good["plain-token-1"] = None
        with pytest.raises(errors.AuthenticationError):
            result_of(alone, hosting.layer, "plain-token-1")
        assert not any("plain-token-1" in head for head in hosting.heads)
        assert len(result_of(alone, hosting.layer, Token("plain-token-1", also_for=[hosting.root]))) == 0


def test_what_a_service_signs_in_with_equals_the_text_it_was_made_of_and_no_other():
    auth = sw.GPService("https://gp.test/arcgis/rest/services/x/GPServer", auth="token-1").auth
    assert auth == "token-1"
    assert auth != "token-2"
    assert hash(auth) == hash("token-1")
    assert auth != Token("token-1")
