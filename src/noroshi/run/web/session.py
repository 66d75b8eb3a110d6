"""One page's connection: it is sent what is newest when it has taken what came before, and says what it wants."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from noroshi import __version__
from noroshi.command.transitions import Role
from noroshi.run.web import messages, texts, wire
from noroshi.run.web.cursor import Cursor
from noroshi.run.web.film import Moment, Part, Reel
from noroshi.run.web.messages import RefusedError
from noroshi.run.web.showing import EXERCISE, LIVE, Showing
from noroshi.run.web.users import OPERATOR, User

ASKED_MAX = 4  # questions that are not answered yet
AHEAD = 2  # frames that a page need not have taken yet
TICK_S = 0.1
IDLE_S = 1.0
SLOW_S = 60.0  # who does not take one message within this is dropped
SAID_S_MAX = 200.0  # messages a second
REFUSED_MAX = 20
POLICY_VIOLATION = 1008


class Room(Protocol):
    """What a session needs of the server around it."""

    showing: Showing
    counters: Counter[str]

    def dressed(self, moment: Moment, reel: Reel, flags: int) -> bytes:
        """Return a moment's frame with flags."""
        ...

    def answer(self, work: Callable[[], bytes]) -> asyncio.Future[bytes]:
        """Do what takes long elsewhere."""
        ...

    @property
    def n_viewers(self) -> int:
        """How many pages are connected."""
        ...


class Session:
    """A connection of a page.

    Args:
        socket: accepted.
        user: who looks.
        room: the server around it.
    """

    def __init__(self, socket: WebSocket, user: User, room: Room) -> None:
        self.poke = asyncio.Event()
        self._socket, self._user, self._room = socket, user, room
        showing = room.showing
        mine = [key for key in showing.views if user.may_see(key)]
        self._views = mine
        self._view = user.nation if user.nation in mine else mine[0] if mine else ""
        self._cursor: Cursor = showing.cursor()
        self._has_begun = showing.film.span_ns is not None
        self._since = time.monotonic_ns()
        self._waiting: deque[int] = deque()
        self._n = -1
        self._n_refused = 0
        self._allowance, self._allowed_since = SAID_S_MAX, time.monotonic()
        self._answers: deque[bytes] = deque()
        self._asked: set[asyncio.Future[Any]] = set()
        self._forget()

    async def run(self) -> None:
        """Serve until the page has gone."""
        listening = asyncio.create_task(self._listen())
        telling = asyncio.create_task(self._tell())
        try:
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            telling.cancel()
            for asked in list(self._asked):
                asked.cancel()
            ended = await asyncio.gather(listening, telling, return_exceptions=True)
            for one in ended:
                if isinstance(one, Exception) and not isinstance(one, OSError | WebSocketDisconnect | TimeoutError):
                    self._room.counters["failed"] += 1
            with suppress(RuntimeError, OSError, WebSocketDisconnect):
                await self._socket.close(POLICY_VIOLATION if self._n_refused >= REFUSED_MAX else 1000)

    def _forget(self) -> None:
        """Let the page be told all anew."""
        self._told: dict[str, bytes | None] = {}
        self._moment: Moment | None = None
        self._part: Part | None = None
        self._n_names = 0
        self._n_events = -1
        self._clock_at = 0.0
        self._clock_said: tuple[Any, ...] = ()
        self._jumped = True
        self._is_greeted = False
        self._take = self._room.showing.take
        self._play_said: dict[str, Any] | None = None

    async def _listen(self) -> None:
        while self._n_refused < REFUSED_MAX:
            said = await self._socket.receive()
            if said["type"] == "websocket.disconnect":
                return
            message: messages.Said | None = None
            try:
                self._allow()
                message = messages.read(said.get("text") or "")
                self._do(message)
            except RefusedError as error:
                self._n_refused += 1
                self._room.counters["refused_messages"] += 1
                number = None if message is None or isinstance(message, messages.Got) else message.n
                self._reply({"type": "refused", "n": number, "reason": str(error)})
            self.poke.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):  # it is told why before it is thrown out
                while self._answers:
                    await asyncio.sleep(TICK_S / 10.0)

    def _allow(self) -> None:
        now = time.monotonic()
        self._allowance = min(self._allowance + (now - self._allowed_since) * SAID_S_MAX, SAID_S_MAX)
        self._allowed_since = now
        if self._allowance < 1.0:
            raise RefusedError("too many messages")
        self._allowance -= 1.0

    def _got(self, sequence: int) -> None:
        """Note that the page has taken in a frame, and all before it."""
        if sequence not in self._waiting:
            return
        while self._waiting and self._waiting.popleft() != sequence:
            pass
        self.poke.set()

    def _reply(self, said: dict[str, Any]) -> None:
        self._answers.append(msgspec.json.encode(said))

    def _do(self, message: messages.Said) -> None:
        if isinstance(message, messages.Got):
            self._got(message.sequence)
            return
        if message.n <= self._n:
            raise RefusedError("was said before")
        self._n = message.n
        showing, span_ns = self._room.showing, self._room.showing.span_ns
        self._move()
        cursor = self._cursor
        match message:
            case messages.Seek():
                cursor = cursor.sought(round(message.time_ms * 1e6), span_ns)
            case messages.Play():
                cursor = cursor.set(playing=True)
            case messages.Pause():
                cursor = cursor.set(playing=False)
            case messages.Rate():
                try:
                    cursor = cursor.with_rate(message.rate)
                except ValueError as error:
                    raise RefusedError(str(error)) from error
            case messages.Step():
                at_ns = self._reel.step(cursor.at_ns, message.pictures)
                cursor = cursor.sought(at_ns, span_ns).set(playing=False)
            case messages.Follow():
                cursor = cursor.followed(span_ns)
            case messages.ViewAs():
                if message.view not in self._views:
                    raise RefusedError("this view is not yours")
                self._view = message.view
                self._forget()
            case messages.Acknowledge():
                showing.acknowledge(self._view, message.identifier, self._user.name or self._user.role)
                self._reply({"type": "done", "n": message.n})
            case messages.Decide():
                self._decide(message)
            case messages.Say() | messages.Ask() | messages.Reply() | messages.Pace() | messages.Branch():
                self._act(message)
            case messages.Inject() | messages.Send() | messages.Improve():
                self._act(message)
            case messages.WhatIf():
                self._change(message)
            case messages.Story():
                self._ask(showing.story_of, self._view, message.id, cursor.at_ns, message.n)
                if message.whole:
                    self._ask(showing.whole_story_of, self._view, message.id, cursor.at_ns, message.n)
            case messages.Coverage():
                self._ask(showing.coverage_of, self._view, message.height_m, message.n)
        if cursor.jumped:
            self._jumped, self._moment = True, None  # it gets a frame in any case
        self._cursor = cursor

    def _decide(self, message: messages.Decide) -> None:
        showing = self._room.showing
        if self._user.role != OPERATOR or self._view not in showing.own:
            raise RefusedError("only an operator decides, for their own nation")
        if showing.decide is None:
            raise RefusedError("nothing can be decided here")
        try:
            showing.decide(self._view, self._user.name, msgspec.to_builtins(message))
        except ValueError as error:
            raise RefusedError(str(error)[:500]) from error
        self._reply({"type": "done", "n": message.n})

    def _act(self, message: messages.Acts) -> None:
        """Let a person of a played exercise do something, and say when it is done, or why not."""
        act = self._room.showing.act
        if act is None or not self._user.duty:
            raise RefusedError("nobody plays here")
        self._expect(message.n, lambda: act(self._user, self._view, message), lambda _: {"type": "done"})

    def _change(self, message: messages.WhatIf) -> None:
        """Let it be found out what a change would gain."""
        if not self._may_change:
            raise RefusedError("this is asked by exercise control, or at the machine itself")
        what_if = self._room.showing.what_if
        assert what_if is not None
        if message.prepare:
            what_if.prepare()
            return
        self._expect(
            message.n,
            lambda: what_if.ask(message.changes, sharing=message.sharing),
            lambda found: {"type": "what_if", **found},
        )

    @property
    def _may_change(self) -> bool:
        """Whether this person may know what only the world knows: exercise control, or who sits at this machine."""
        is_at_it = self._user.role == OPERATOR and not self._user.name
        return self._room.showing.what_if is not None and (is_at_it or self._user.duty == Role.EXERCISE_CONTROL)

    def _expect(self, n: int, begin: Callable[[], Future[Any]], tell: Callable[[Any], dict[str, Any]]) -> None:
        """Begin something, and say what came of it, or why nothing did."""
        if len(self._asked) >= ASKED_MAX:
            raise RefusedError("one thing after the other")
        try:
            doing = asyncio.wrap_future(begin())
        except ValueError as error:
            raise RefusedError(str(error)[:500]) from error
        self._asked.add(doing)

        def done(doing: asyncio.Future[Any]) -> None:
            self._asked.discard(doing)
            if doing.cancelled():
                return
            error = doing.exception()
            if error is None:
                self._reply({"n": n, **tell(doing.result())})
            else:
                is_told = isinstance(error, ValueError)
                self._room.counters["failed"] += not is_told
                reason = str(error)[:500] if is_told else "this could not be done"
                self._reply({"type": "refused", "n": n, "reason": reason})
            self.poke.set()

        doing.add_done_callback(done)

    def _ask(self, work: Callable[..., dict[str, Any] | None], *arguments: Any) -> None:
        """Let something that takes long be found out, and sent when it is there."""
        *asked, n = arguments
        if len(self._asked) >= ASKED_MAX:
            raise RefusedError("one question after the other")

        def done(found: asyncio.Future[bytes]) -> None:
            self._asked.discard(found)
            if not found.cancelled():
                error = found.exception()
                if error is not None:
                    self._room.counters["failed"] += 1
                self._answers.append(
                    found.result() if error is None else msgspec.json.encode(
                        {"type": "refused", "n": n, "reason": "this could not be found out"}
                    )
                )  # fmt: skip
                self.poke.set()

        def found_out() -> bytes:
            told = work(*asked)
            return b"" if told is None else msgspec.json.encode(told | {"n": n})

        future = self._room.answer(found_out)
        self._asked.add(future)
        future.add_done_callback(done)

    @property
    def _reel(self) -> Reel:
        return self._room.showing.film.reel(self._view)

    def _move(self) -> None:
        now = time.monotonic_ns()
        real_ns, self._since = now - self._since, now
        if not self._has_begun:
            if self._room.showing.film.span_ns is None:
                return
            self._has_begun, self._cursor = True, self._room.showing.cursor()
        self._cursor = self._cursor.moved(real_ns, self._room.showing.span_ns)

    async def _tell(self) -> None:
        while True:
            self.poke.clear()
            self._move()
            if len(self._waiting) < AHEAD:
                await self._tell_newest()
            while self._answers:
                answer = self._answers.popleft()
                if answer:
                    await self._send(answer)
            is_moving = self._cursor.playing and not self._cursor.following and len(self._waiting) < AHEAD
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S if is_moving else IDLE_S):
                    await self.poke.wait()

    async def _tell_newest(self) -> None:
        """Send all that is not as the page has it."""
        showing, reel, view = self._room.showing, self._reel, self._view
        if self._take != showing.take:
            self._forget()
        if not self._is_greeted:
            self._is_greeted = True
            await self._send(msgspec.json.encode(self._hello()))
        if showing.playing is not None and self._user.duty:
            play = showing.playing(self._user)
            if play != self._play_said:
                self._play_said = play
                await self._send(msgspec.json.encode({"type": "play", **play}))
        moment = reel.at(self._cursor.at_ns)
        await self._tell_clock(moment)
        if moment is None or moment is self._moment or view != self._view:
            return
        for kind in texts.KINDS_OF_TEXT:
            place = moment.texts.get(kind)
            if place is not None:
                text = moment.text(kind)
                if self._told.get(kind) != text:
                    self._told[kind] = text
                    await self._send(text)
        await self._tell_rows(moment, reel)
        if view != self._view:
            return  # meanwhile the page asked for another one
        newest = reel.span_ns
        is_newest = newest is not None and moment.time_ns == newest[1] and self._cursor.following
        flags = 0 if showing.exercise is None else wire.EXERCISE
        flags |= wire.LIVE if is_newest and showing.mode in (LIVE, EXERCISE) else wire.REPLAY
        frame = self._room.dressed(moment, reel, flags)
        self._moment = moment
        self._waiting.append(moment.sequence)
        await self._send(frame)
        self._room.counters["frames"] += 1

    async def _tell_rows(self, moment: Moment, reel: Reel) -> None:
        """Send what was added to names and events."""
        names = moment.part.names
        is_reset = moment.part is not self._part or moment.n_names < self._n_names
        since = 0 if is_reset else self._n_names
        if is_reset or moment.n_names > since:
            rows = names[since : moment.n_names]
            await self._send(texts.encoded("names", rows, reset=is_reset, **{"from": since}))
            self._part, self._n_names = moment.part, moment.n_names
        dropped, events = reel.n_events_dropped, reel.events
        there = dropped + len(events)
        if there != self._n_events:
            is_reset = self._n_events < dropped
            since = dropped if is_reset else self._n_events
            told = events[since - dropped :]
            await self._send(texts.encoded("events", told, reset=is_reset, **{"from": since - dropped}))
            self._n_events = there

    async def _tell_clock(self, moment: Moment | None) -> None:
        showing, cursor, now = self._room.showing, self._cursor, time.monotonic()
        rate = showing.speed if cursor.following and showing.speed else cursor.rate
        playing = cursor.playing and not (cursor.following and showing.speed == 0.0)
        said = (self._n, rate, playing, cursor.following, showing.saying, self._view)
        if said == self._clock_said and not self._jumped and now - self._clock_at < IDLE_S:
            return
        first_ns, known_ns = showing.span_ns
        clock = {
            "type": "clock",
            "n": max(self._n, 0),
            "picture_ms": None if moment is None else moment.time_ns / 1e6,
            "at_ms": cursor.at_ns / 1e6,
            "start_ms": (first_ns if showing.start_ns is None else showing.start_ns) / 1e6,
            "known_ms": known_ns / 1e6,
            "end_ms": None if showing.end_ns is None else showing.end_ns / 1e6,
            "rate": rate,
            "playing": playing,
            "following": cursor.following,
            "jumped": self._jumped,
            "step_ms": showing.step_ns / 1e6,
            "saying": showing.saying,
        }
        is_second = now - self._clock_at >= IDLE_S
        self._clock_said, self._clock_at, self._jumped = said, now, False
        await self._send(msgspec.json.encode(clock))
        if is_second:
            await self._send(msgspec.json.encode(self._health(known_ns, moment)))

    def _hello(self) -> dict[str, Any]:
        showing = self._room.showing
        return {
            "type": "hello",
            "version": wire.VERSION,
            "program": f"noroshi {__version__}",
            "mode": showing.mode,
            "exercise": showing.exercise,
            "node": showing.node,
            "user": {"name": self._user.name, "role": self._user.role, "duty": self._user.duty,
                     "nation": self._user.nation},
            "view": self._view,
            "views": [
                {"key": key, "name": showing.views[key], "is_own": key in showing.own} for key in self._views
            ],
            "what_if": showing.what_if.options() if showing.what_if is not None and self._may_change else None,
            "can": {
                "seek": True,
                "decide": self._user.role == OPERATOR and showing.decide is not None,
                "play": bool(self._user.duty) and showing.act is not None,
                "control": self._user.duty == Role.EXERCISE_CONTROL and showing.act is not None,
            },
        }  # fmt: skip

    def _health(self, now_ns: int, moment: Moment | None) -> dict[str, Any]:
        showing = self._room.showing
        return {
            "type": "health",
            "is_well": showing.is_well(),
            "node_ms": now_ns / 1e6,
            "tracks": 0 if moment is None else moment.n_tracks,
            "viewers": self._room.n_viewers,
            "lines": showing.silent(self._view, now_ns),
        }

    async def _send(self, what: bytes) -> None:
        async with asyncio.timeout(SLOW_S):
            if what.startswith(wire.MAGIC):
                await self._socket.send_bytes(what)
            else:
                await self._socket.send_text(what.decode())
        self._room.counters["bytes"] += len(what)
