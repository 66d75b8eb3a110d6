"""Alerts as files and as posts: whole, once, the same each time, and nowhere that others could read along."""

import dataclasses
import http.server
import ssl
import threading
from datetime import UTC, datetime

import pytest
from alert_scenes import EXERCISE, SENT_NS, alert_of, keys_of, shapes_of, wordings_of

from noroshi.formats import alert_json, cap, cot
from noroshi.run.alerts.sending import open_outlets
from noroshi.run.outlets import ExerciseMessage, OutletError, RefusedError, SettingError
from noroshi.run.outlets.file import Outlet as Files
from noroshi.run.outlets.http_post import Outlet as Posts

NAMES = {"cap": "JPN-2030-0001.cap.xml", "json": "JPN-2030-0001.json", "cot": "JPN-2030-0001.cot"}


@pytest.fixture(scope="module")
def message():
    alert = alert_of()
    said = {"exercise": EXERCISE, "shapes": shapes_of()}
    wordings = wordings_of(alert)
    bodies = {
        "cap": cap.encode(alert, wordings, **said),
        "json": alert_json.encode_alert(alert, wordings, **said),
        "cot": cot.encode_alert(alert, wordings, **said),
    }
    return ExerciseMessage(exercise=EXERCISE, identifier=alert.identifier, message="Alert", sent_ns=alert.sent_ns,
                           expires_ns=alert.expires_ns, bodies=bodies)  # fmt: skip


class Server(http.server.ThreadingHTTPServer):
    """A receiver on this machine that keeps what is posted and answers as it is told to."""

    def __init__(self, context=None):
        self.posts, self.answers = [], []
        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/warn?x=1"

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), body))
        answer = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(answer)
        if 300 <= answer < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("medium", NAMES)
def test_a_file_is_whole_and_a_repeat_leaves_it(tmp_path, message, medium):
    outlet = Files(folder=tmp_path / "out", medium=medium)
    outlet.send(message)
    path = tmp_path / "out" / "exercise-SPRING-30" / NAMES[medium]
    assert path.read_bytes() == message.bodies[medium]
    before = path.stat()
    outlet.send(message)
    assert path.stat().st_ino == before.st_ino
    assert [one.name for one in path.parent.iterdir()] == [NAMES[medium]]


def test_a_file_that_says_something_else_is_not_replaced(tmp_path, message):
    outlet = Files(folder=tmp_path)
    outlet.send(message)
    other = dataclasses.replace(message, bodies={"cap": message.bodies["cap"] + b"\n"})
    with pytest.raises(RefusedError, match="says something else"):
        outlet.send(other)


def test_half_a_file_of_a_killed_node_is_no_file(tmp_path, message):
    outlet = Files(folder=tmp_path)
    folder = tmp_path / "exercise-SPRING-30"
    folder.mkdir()
    (folder / ".JPN-2030-0001.cap.xml.part").write_bytes(b"<ale")
    outlet.send(message)
    assert (folder / NAMES["cap"]).read_bytes() == message.bodies["cap"]


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path, message):
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(OutletError, match="cannot be written"):
        Files(folder=tmp_path / "out").send(message)


@pytest.mark.parametrize("medium", NAMES)
def test_a_post_says_what_it_is_and_which(server, message, medium):
    outlet = Posts(url=server.url, medium=medium)
    outlet.send(message)
    ((path, headers, body),) = server.posts
    assert (path, body) == ("/warn?x=1", message.bodies[medium])
    assert headers["Idempotency-Key"] == '"JPN-2030-0001"'
    assert headers["Noroshi-Topic"] == "noroshi/exercise/SPRING-30/alerts"
    assert headers["Noroshi-Status"] == "Exercise"
    assert headers["Content-Type"] == {"cap": "application/cap+xml", "json": "application/json",
                                       "cot": "application/xml"}[medium]  # fmt: skip


def test_a_token_is_shown(server, message, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    Posts(url=server.url, token_file=tmp_path / "token").send(message)
    assert server.posts[0][1]["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("answer", [408, 425, 429, 500, 503])
def test_what_may_come_right_is_tried_again(server, message, answer):
    server.answers[:] = [answer]
    outlet = Posts(url=server.url)
    with pytest.raises(OutletError, match=f"answered {answer}"):
        outlet.send(message)
    outlet.send(message)
    assert [(headers["Idempotency-Key"], body) for _, headers, body in server.posts] == [
        ('"JPN-2030-0001"', message.bodies["cap"])
    ] * 2


@pytest.mark.parametrize("answer", [301, 307, 400, 401, 409, 422])
def test_a_refusal_is_final_and_a_redirection_is_not_followed(server, message, answer):
    server.answers[:] = [answer]
    with pytest.raises(RefusedError, match=f"answered {answer}"):
        Posts(url=server.url).send(message)
    assert len(server.posts) == 1


def test_where_nobody_listens_it_is_tried_again(message):
    server = Server()
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(OutletError, match="ConnectionRefusedError"):
        Posts(url=url, timeout_s=1.0).send(message)


def test_over_tls_both_sides_show_who_they_are(tmp_path, message):
    now_ns = int(datetime.now(UTC).timestamp()) * 10**9
    keys_of(tmp_path / "jpn", "JPN", now_ns=now_ns)
    keys_of(tmp_path / "usa", "USA", now_ns=now_ns)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "usa/node.pem")
    context.load_verify_locations(tmp_path / "jpn/authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server(context)
    try:
        pem = str(tmp_path / "jpn/node.pem")
        tls = {"certificate": pem, "key": pem, "authority": str(tmp_path / "usa/authority.pem")}
        Posts(url=server.url, tls=tls).send(message)
        assert len(server.posts) == 1
        with pytest.raises(OutletError, match="certificate"):
            Posts(url=server.url).send(message)  # an authority that this machine does not trust
        with pytest.raises(OutletError):
            Posts(url=server.url, tls=tls | {"authority": str(tmp_path / "jpn/authority.pem")}).send(message)
    finally:
        server.shutdown()
        server.server_close()
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"url": "http://example.org/x"}, "elsewhere, and all on the way could read"),
        ({"url": "ftp://127.0.0.1/x"}, "no address to post to"),
        ({"url": "https://"}, "no address to post to"),
        ({"url": "https://me:pw@example.org/"}, "no address to post to"),
        ({"url": "https://example.org:x/"}, "example.org:x"),
        ({"url": "http://127.0.0.1/", "medium": "sms"}, "none of cap, json, cot"),
        ({"url": "http://127.0.0.1/", "token_file": "/nowhere"}, "cannot be read as a token"),
        ({"url": "https://example.org", "tls": {"certificate": "/no", "key": "/no"}}, "cannot be used"),
        ({"url": "https://example.org", "tls": {"cert": "/no"}}, "cannot be used"),
    ],
)
def test_what_cannot_be_is_told_at_once(said, complaint):
    with pytest.raises(SettingError, match=complaint):
        Posts(**said)


def test_outlets_come_from_a_configuration(tmp_path):
    disk = {"name": "disk", "type": "file", "folder": str(tmp_path)}
    page = {"name": "page", "type": "http_post", "url": "http://127.0.0.1:9", "medium": "json"}
    opened = open_outlets([disk, page])
    assert {name: one.medium for name, one in opened.items()} == {"disk": "cap", "page": "json"}
    assert open_outlets([]) == {}
    for wrong in ({"type": "file"}, {"name": "a", "type": "carrier_pigeon"}, {"name": "a", "type": "file"},
                  {"name": "a", "type": "file", "folder": "x", "status": "Actual"}):  # fmt: skip
        with pytest.raises(SettingError):
            open_outlets([wrong])
    with pytest.raises(SettingError, match="outlet 'file': there is another of that name"):
        open_outlets([{"type": "file", "folder": "a"}, {"type": "file", "folder": "b"}])


def test_a_message_is_what_it_says(message):
    for wrong in ({"exercise": "AUTUMN-30"}, {"identifier": "JPN-2"}, {"identifier": "a/b"}, {"bodies": {}},
                  {"bodies": {**message.bodies, "sms": b""}}):  # fmt: skip
        with pytest.raises(ValueError, match=r"message|exercise"):
            dataclasses.replace(message, **wrong)
    assert message.sent_ns == SENT_NS
