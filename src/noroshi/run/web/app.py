"""The server of the page: its files, one WebSocket for each page, and the picture as files to take away."""

import asyncio
import html
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from noroshi.run.edges import EdgeError, Tls, endpoint, is_loopback
from noroshi.run.edges.serving import Server
from noroshi.run.web import takeaway, wire
from noroshi.run.web.built import is_stale
from noroshi.run.web.film import Moment, Reel
from noroshi.run.web.guard import Guard
from noroshi.run.web.session import Session
from noroshi.run.web.showing import Showing
from noroshi.run.web.users import COOKIE, OPERATOR, SESSION_S, User, Users

SESSIONS_EACH_MAX = 20
SESSIONS_MAX = 150
DRESSED_MAX = 8
MESSAGE_BYTES_MAX = 65_536  # more ends the connection; from 4,096 on a message is refused
LOGIN_BYTES_MAX = 2_000
WRONG_TOKEN_S = 1.0  # so long a wrong token is not answered
NOT_BUILT = "The page is not built in this checkout: `uv sync` builds it. The server behind it runs.\n"
STALE = "the page was built from other sources than web/ has now; build it anew: uv sync --reinstall-package noroshi"
LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>noroshi</title><link rel="icon" href="data:,">
<style>body{{font:16px system-ui,sans-serif;margin:20vh auto;max-width:22em;background:#0d1418;color:#cdd7dc}}
input,button{{font:inherit;padding:.5em;width:100%;box-sizing:border-box;margin:.3em 0}}</style>
<main><h1>noroshi</h1>{what}<form method="post" action="login"><label>Token
<input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button>Enter · 入る</button></form><p role="alert">{said}</p></main></html>"""
LOGIN_EXERCISE = "<p><strong>EXERCISE · 訓練</strong><br>Not real, nobody is in danger. 実際の事態ではありません。</p>"
UTF_8 = "; charset=utf-8"
TYPES = {
    ".html": f"text/html{UTF_8}",
    ".js": f"text/javascript{UTF_8}",
    ".mjs": f"text/javascript{UTF_8}",
    ".css": f"text/css{UTF_8}",
    ".txt": f"text/plain{UTF_8}",
    ".bin": "application/octet-stream",
    ".json": "application/json",
    ".map": "application/json",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""Nothing is guessed from the machine's own tables."""


class Web:
    """What answers; `guarded` is the application.

    Args:
        showing: what is shown.
        users: who may look.
        is_loopback: whether only this machine is to reach it.
        is_secure: whether it is reached by TLS alone.
        folder: of the page's files; that of the package if None.
    """

    def __init__(
        self, showing: Showing, users: Users, *, is_loopback: bool, is_secure: bool, folder: Path | None = None
    ) -> None:
        self.showing, self.users = showing, users
        self.counters: Counter[str] = Counter()
        self._is_secure = is_secure
        self._folder = folder or page_folder()
        self._sessions: set[Session] = set()
        self._each: Counter[tuple[str, str]] = Counter()
        self._dressed: dict[tuple[int, int], tuple[Moment, bytes]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_called = False
        self._called = threading.Lock()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="noroshi-asked")
        showing.film.grown = self.wake
        self._app = Starlette(
            routes=[
                WebSocketRoute("/v1/picture", self._picture),
                Route("/login", self._login, methods=["POST"]),
                Route("/logout", self._logout, methods=["POST"]),
                Route("/v1/tracks.{form}", self._take_away),
                Route("/{path:path}", self._file),
            ]
        )
        self.guarded: ASGIApp = Guard(self._app, is_loopback=is_loopback)

    def attach(self) -> None:
        """Take the running loop for the one that serves."""
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Let every session look whether there is something new; from any thread."""
        with self._called:
            if self._loop is None or self._is_called:
                return
            self._is_called = True
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._beat)

    def close(self) -> None:
        """End what runs beside the loop."""
        self._aside.shutdown(wait=False, cancel_futures=True)

    @property
    def n_viewers(self) -> int:
        """How many pages are connected."""
        return len(self._sessions)

    def dressed(self, moment: Moment, reel: Reel, flags: int) -> bytes:
        """Return a moment's frame with flags; sessions share what was made ready."""
        key = (id(moment), flags)
        of, frame = self._dressed.get(key, (None, b""))
        if of is not moment:
            frame = wire.redated(reel.frame_of(moment), sent_ns=time.time_ns(), flags=flags)
            self._dressed.pop(key, None)
            self._dressed[key] = moment, frame
            while len(self._dressed) > DRESSED_MAX:
                del self._dressed[next(iter(self._dressed))]
        return frame

    def answer(self, work: Callable[[], bytes]) -> asyncio.Future[bytes]:
        """Find something out in a thread of its own, one thing after the other."""
        return asyncio.get_running_loop().run_in_executor(self._aside, work)

    def _beat(self) -> None:
        with self._called:
            self._is_called = False
        for session in self._sessions:
            session.poke.set()

    async def _picture(self, socket: WebSocket) -> None:
        user = self.users.of(socket.cookies.get(COOKIE))
        who = ("", "") if user is None else (user.name, user.nation)
        is_too_many = self.n_viewers >= SESSIONS_MAX or (self.users.are_named and self._each[who] >= SESSIONS_EACH_MAX)
        if user is None or is_too_many or not any(user.may_see(view) for view in self.showing.views):
            self.counters["refused"] += 1
            await socket.close()  # before it is accepted: the answer is 403
            return
        await socket.accept()
        session = Session(socket, user, self)
        self._sessions.add(session)
        self._each[who] += 1
        self.counters["sessions"] += 1
        self.showing.came(user)
        try:
            await session.run()
        finally:
            self.showing.went(user)
            self._sessions.discard(session)
            self._each[who] -= 1

    def _user(self, request: Request) -> User | None:
        return self.users.of(request.cookies.get(COOKIE))

    def _login_page(self, said: str = "") -> str:
        """Return the page that asks for a token; of an exercise it says that it is one, but not which."""
        what = "" if self.showing.exercise is None else LOGIN_EXERCISE
        return LOGIN.format(what=what, said=html.escape(said))

    async def _login(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LOGIN_BYTES_MAX:
                return PlainTextResponse("too long\n", 413)
        fields = dict(pair.partition("=")[::2] for pair in body.decode("ascii", "replace").split("&"))
        session = self.users.login(unquote_plus(fields.get("token", "")))
        if session is None:
            self.counters["refused"] += 1
            await asyncio.sleep(WRONG_TOKEN_S)
            return HTMLResponse(self._login_page("Nobody has this token."), 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, session, max_age=round(SESSION_S), httponly=True, secure=self._is_secure, samesite="strict"
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        self.users.logout(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def _file(self, request: Request) -> Response:
        if self._user(request) is None:
            if request.path_params["path"]:
                return PlainTextResponse("Not Found\n", 404)
            return HTMLResponse(self._login_page(), headers={"Cache-Control": "no-store"})
        name = request.path_params["path"] or "index.html"
        if self._folder is None or not (self._folder / "index.html").is_file():
            return PlainTextResponse(NOT_BUILT, 503 if name == "index.html" else 404)
        path = self._folder / name.lstrip("/")
        is_inside = "\0" not in name and path.resolve().is_relative_to(self._folder.resolve())
        if not is_inside or path.suffix not in TYPES or not path.is_file():
            return PlainTextResponse("Not Found\n", 404)
        return FileResponse(path, media_type=TYPES[path.suffix], headers={"Cache-Control": "no-cache"})

    async def _take_away(self, request: Request) -> Response:
        user, form = self._user(request), request.path_params["form"]
        view = request.query_params.get("view", "" if user is None else user.nation)
        if user is None or form not in takeaway.FORMS or not user.may_see(view) or view not in self.showing.views:
            self.counters["refused"] += 1
            return PlainTextResponse("Not Found\n", 404)
        try:
            at_ns = round(float(request.query_params.get("time_ms", "inf")) * 1e6)
        except (ValueError, OverflowError):
            at_ns = self.showing.span_ns[1]
        moment = self.showing.film.reel(view).at(at_ns)
        if moment is None:
            return PlainTextResponse("no picture yet\n", 503, {"Retry-After": "1"})
        body, media = await asyncio.get_running_loop().run_in_executor(
            self._aside, takeaway.take_away, form, moment, self.showing, view
        )
        name = takeaway.file_name(self.showing, view, moment.time_ns, form)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(body, media_type=media, headers=headers)


class Pages:
    """A server of the page alone, in a thread of its own.

    Args:
        showing: what is shown.
        address: where to listen; port 0 takes a free one, see `url`.
        tokens: user by token; without any, only this machine may look, and whoever sits at it is an operator.
        tls: needed wherever others than this machine can connect.
        folder: of the page's files; that of the package if None.

    Raises:
        EdgeError: if it cannot listen there, or everybody could look.
    """

    def __init__(
        self,
        showing: Showing,
        address: str,
        *,
        tokens: dict[str, User] | None = None,
        tls: Tls | None = None,
        folder: Path | None = None,
    ) -> None:
        self.web = web_of(showing, address, tokens=tokens or {}, tls=tls, folder=folder)
        self._tls = tls
        self._server = Server(
            self.web.guarded, address, tls, name="noroshi-page", attach=self.web.attach,
            message_bytes_max=MESSAGE_BYTES_MAX,
        )  # fmt: skip
        self._server.start()

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host, port = self._server.address
        name = f"[{host}]" if ":" in host else host
        return f"{'http' if self._tls is None else 'https'}://{name}:{port}/"

    def close(self) -> None:
        """Stop listening and end every session."""
        self._server.close(self.web.wake)
        self.web.close()


def web_of(
    showing: Showing, address: str, *, tokens: dict[str, User], tls: Tls | None, folder: Path | None = None
) -> Web:
    """Return what answers at an address.

    Raises:
        EdgeError: if everybody could look.
    """
    is_local = is_loopback(endpoint(address)[0])
    if not is_local and not tokens:
        raise EdgeError(f"{address} can be reached from elsewhere: say who may look, in a file of tokens")
    nation = next((view for view in showing.views if view in showing.own), "")
    others = tuple(view for view in showing.views if view != nation)
    anybody = User(name="", role=OPERATOR, nation=nation, view_as=others)
    users = Users(tokens, anybody, time.monotonic)
    return Web(showing, users, is_loopback=is_local, is_secure=tls is not None, folder=folder)


def page_folder() -> Path | None:
    """Return where the page's build puts its files; None if it was not built. One line says if web/ is newer."""
    with suppress(TypeError, FileNotFoundError):
        folder = Path(str(files("noroshi") / "page"))
        if (folder / "index.html").is_file():
            if is_stale(folder):
                sys.stderr.write(f"noroshi: {STALE}\n")
            return folder
    return None
