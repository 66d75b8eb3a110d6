"""Whom the page's server answers, and what it lets browsers do: other names, other sites, other people."""

import asyncio
import http.client
import json
import socket
import ssl
import urllib.parse

import pytest
from web_scenes import page, ran
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from noroshi.run.edges import EdgeError, Tls
from noroshi.run.web.app import Pages
from noroshi.run.web.guard import Guard, names_loopback
from noroshi.run.web.users import User, Users, users_of

INDEX = b"<!doctype html><title>page</title>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    (made / "page").mkdir()
    (made / "page" / "index.html").write_bytes(INDEX)
    (made / "page" / "app.js").write_text("export {};")
    (made / "page" / "notes.exe").write_text("not served")
    (made / "secret.txt").write_text("not served")
    return made / "page"


@pytest.fixture(scope="module")
def pages(folder):
    served = Pages(ran()[1], "127.0.0.1:0", folder=folder)
    yield served
    served.close()


TOKENS = [
    {"name": "Ann", "token": "ann's token", "nation": "ONE", "role": "operator", "view_as": ["TWO"]},
    {"name": "Bob", "token": "bob & co", "nation": "TWO"},
]


@pytest.fixture(scope="module")
def named(folder):
    served = Pages(ran()[1], "127.0.0.1:0", tokens=users_of(TOKENS, {}), folder=folder)
    yield served
    served.close()


def port_of(served):
    return urllib.parse.urlsplit(served.url).port


def ask(served, path="/", method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(served), timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def raw(served, path):
    """Ask for a path as it stands: clients tidy it up."""
    with socket.create_connection(("127.0.0.1", port_of(served)), 10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := client.recv(65_536):
            data += part
    return data


def test_every_answer_says_what_browsers_may_do(pages):
    for path, status in (("/", 200), ("/app.js", 200), ("/nothing.js", 404), ("/v1/tracks.geojson", 200)):
        found, headers, _ = ask(pages, path)
        assert found == status
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
        assert policy["connect-src"] == "'self'"
        assert not any(word in headers["content-security-policy"] for word in ("http:", "https:", "*", "'unsafe-eval'"))
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
    assert ask(pages)[2] == INDEX


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1"]
)
def test_names_of_other_sites_are_refused(pages, host):
    status, _, body = ask(pages, Host=host)
    assert status in (400, 421)
    assert INDEX not in body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8600", "[::1]:80", "LOCALHOST:1", "127.9.9.9"])
def test_names_of_this_machine_are_not(host):
    assert names_loopback(host)


@pytest.mark.parametrize("host", ["localhost.", "localhost@evil.example", "[::2]", "[", "0x7f.1", "2130706433"])
def test_what_only_looks_like_one_is(host):
    assert not names_loopback(host)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil.example"]
)
def test_pages_of_other_sites_get_no_socket(pages, origin):
    with pytest.raises(WebSocketException), page(pages, additional_headers={"Origin": origin}):
        pass
    status, _, body = ask(pages, Origin=origin)
    assert (status, body) == (421, b"not for here\n")


def test_the_page_itself_gets_one(pages):
    with page(pages, additional_headers={"Origin": pages.url.rstrip("/")}) as one:
        assert one.text("hello")


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//etc/passwd", "/%2fetc/passwd", "/app.js%00.html",
     "/notes.exe", "/....//secret.txt", "/.%00./secret.txt"],
)  # fmt: skip
def test_nothing_outside_the_page_is_served(pages, path):
    answer = raw(pages, path)
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"not served" not in answer
    assert b"root:" not in answer


def test_other_methods_change_nothing(pages):
    for method in ("POST", "PUT", "DELETE"):
        assert ask(pages, "/", method)[0] == 405


def login(served, token):
    status, headers, body = ask(
        served, "/login", "POST", "token=" + urllib.parse.quote_plus(token),
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    return status, headers, headers.get("set-cookie", "").partition(";")[0], body


def test_who_is_nobody_sees_a_form_and_nothing_else(named):
    status, _, body = ask(named)
    assert status == 200
    assert b"password" in body
    assert INDEX not in body
    for path in ("/app.js", "/v1/tracks.geojson", "/v1/tracks.csv?view=ONE"):
        assert ask(named, path)[0] == 404
    with pytest.raises(InvalidStatus) as error, page(named):
        pass
    assert error.value.response.status_code == 403
    status, _, cookie, body = login(named, "<script>alert(1)</script>")
    assert (status, cookie) == (403, "")
    assert b"<script" not in body


def test_a_person_sees_what_is_theirs(named):
    status, headers, cookie, _ = login(named, "bob & co")
    assert (status, headers["location"]) == (303, "/")
    assert "httponly" in headers["set-cookie"].lower()
    assert "samesite=strict" in headers["set-cookie"].lower()
    assert "bob" not in headers["set-cookie"]
    assert ask(named, Cookie=cookie)[2] == INDEX
    assert ask(named, "/v1/tracks.geojson", Cookie=cookie)[0] == 200
    assert ask(named, "/v1/tracks.geojson?view=ONE", Cookie=cookie)[0] == 404
    with page(named, additional_headers={"Cookie": cookie}) as one:
        hello = one.text("hello")
        assert hello["user"] == {"name": "Bob", "role": "viewer", "duty": "", "nation": "TWO"}
        assert hello["what_if"] is None
        assert "control" in one.text("refused", n=one.say("what_if", changes={"nations.TWO": False}))["reason"]
        assert [view["key"] for view in hello["views"]] == ["TWO"]
        assert not hello["can"]["decide"]
        assert "not yours" in one.text("refused", n=one.say("view_as", view="ONE"))["reason"]
        decided = one.say("decide", identifier="a", step="approved", reason="", picture_ms=0)
        assert "operator" in one.text("refused", n=decided)["reason"]
        assert b"ONE-radar" not in b"".join(one.raw)


def test_an_operator_may_look_as_others_and_leave(named):
    *_, cookie, _ = login(named, "ann's token")
    with page(named, additional_headers={"Cookie": cookie}) as one:
        hello = one.text("hello")
        assert hello["user"] == {"name": "Ann", "role": "operator", "duty": "", "nation": "ONE"}
        assert [view["key"] for view in hello["views"]] == ["ONE", "TWO"]
        refused = one.text("refused", n=one.say("acknowledge", identifier="none such"))
        assert refused["reason"] == "there is no such alert"
        decided = one.say("decide", identifier="a", step="approved", reason="", picture_ms=0)
        assert "does not wait" in one.text("refused", n=decided)["reason"]
    assert ask(named, "/logout", "POST", Cookie=cookie)[0] == 303
    assert INDEX not in ask(named, Cookie=cookie)[2]


def test_what_an_operator_decides_reaches_the_node(folder):
    showing, decided = ran()[1], []
    before = showing.decide

    def decide(view, name, said):
        if said["identifier"] == "gone":
            raise ValueError("it has lapsed")
        decided.append((view, name, said))

    showing.decide = decide
    served = Pages(showing, "127.0.0.1:0", tokens=users_of(TOKENS, {}), folder=folder)
    try:
        *_, cookie, _ = login(served, "ann's token")
        with page(served, additional_headers={"Cookie": cookie}) as one:
            n = one.say("decide", identifier="ONE-1", step="approved", reason="seen by two", picture_ms=5.0)
            one.text("done", n=n)
            n = one.say("decide", identifier="gone", step="rejected", reason="", picture_ms=5.0)
            assert one.text("refused", n=n)["reason"] == "it has lapsed"
    finally:
        showing.decide = before
        served.close()
    ((view, name, said),) = decided
    assert (view, name) == ("ONE", "Ann")
    assert (said["identifier"], said["reason"]) == ("ONE-1", "seen by two")


def test_a_session_ends_by_itself():
    now = [0.0]
    users = Users(users_of(TOKENS, {}), User(name="", role="viewer", nation="ONE"), lambda: now[0])
    session = users.login("bob & co")
    assert users.of(session).name == "Bob"
    assert users.of(None) is users.of("") is users.of("other") is None
    now[0] = 12 * 3600.0 + 1.0
    assert users.of(session) is None


@pytest.mark.parametrize(
    "said",
    [
        [{"name": "A", "nation": "ONE"}],
        [{"name": "A", "nation": "ONE", "token": "t", "role": "king"}],
        [{"name": "A", "nation": "ONE", "token": ""}],
        [{"name": "A", "nation": "ONE", "token": "t", "wide": True}],
        [{"name": "A", "nation": "ONE", "token": "t"}, {"name": "B", "nation": "ONE", "token": "t"}],
    ],
)
def test_users_that_make_no_sense_are_one_line(said):
    with pytest.raises(EdgeError) as error:
        users_of(said, {})
    assert "\n" not in str(error.value)


def test_beyond_this_machine_it_takes_names_and_tls(tmp_path, folder):
    from edge_scenes import authority

    with pytest.raises(EdgeError, match="who may look"):
        Pages(ran()[1], "0.0.0.0:0", folder=folder)
    with pytest.raises(EdgeError, match="give a certificate"):
        Pages(ran()[1], "0.0.0.0:0", tokens=users_of(TOKENS, {}), folder=folder)
    paths = authority(tmp_path, "node")
    tls = Tls(certificate=paths["certificate"], key=paths["key"])
    served = Pages(ran()[1], "0.0.0.0:0", tokens=users_of(TOKENS, {}), tls=tls, folder=folder)
    try:
        context = ssl.create_default_context(cafile=paths["authority"])
        connection = http.client.HTTPSConnection("127.0.0.1", port_of(served), timeout=10, context=context)
        connection.request("POST", "/login", "token=bob+%26+co")
        answer = connection.getresponse()
        cookie = answer.getheader("set-cookie")
        assert "secure" in cookie.lower()
        connection.close()
        address = f"wss://127.0.0.1:{port_of(served)}/v1/picture"
        with connect(
            address, ssl=context, max_size=None, additional_headers={"Cookie": cookie.partition(";")[0]}
        ) as one:
            assert json.loads(one.recv(timeout=10))["view"] == "TWO"
    finally:
        served.close()


def test_the_guard_lets_other_scopes_pass():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Guard(app, is_loopback=True)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
