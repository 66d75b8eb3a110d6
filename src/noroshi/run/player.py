"""Plays a recording as if it were live, to try `noroshi listen` and to test feeds.

    python -m noroshi.run.player radar.pcap udp://127.0.0.1:8600
    python -m noroshi.run.player flight.jsonl.gz tcp+beast://127.0.0.1:30005
    python -m noroshi.run.player sample:quickstart tcp+sbs://127.0.0.1:30003

ASTERIX goes out as it was recorded: with its own time of day, which `noroshi listen` notices and corrects. Raw Mode S
says no time. BaseStation lines are written anew from position reports of any format, with the time of now.
"""

import gzip
import heapq
import json
import math
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from noroshi.formats import Context, FormatError, asterix
from noroshi.formats.asterix import framing
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S
from noroshi.records import Detections
from noroshi.records.identity import ABSENT
from noroshi.run.feeds import Address, AddressError
from noroshi.run.recordings import read
from noroshi.run.samples import PREFIX, sample_path

Timeline = Sequence[tuple[float, bytes]]
"""Messages and when they come [s after the first], in order; `NOW` in a message stands for the moment it is sent."""

NOW = b"@NOW@"
ANCHOR_EVERY = 25
NAMED_EVERY_S = 5.0


def asterix_timeline(data: bytes) -> Timeline:
    """Return the datagrams of a recording; where it does not say when they came, by the times of what they hold.

    Raises:
        FormatError: if there is none, or nothing tells the time.
    """
    found = list(framing.datagrams(data, Counter(), Counter()))
    at_ns = np.array([-1 if time_ns is None else time_ns for time_ns, _ in found], np.int64)
    if (at_ns < 0).any():
        anchors = [(i, told) for i in range(0, len(found), ANCHOR_EVERY) if (told := _told_ns(found[i][1]))]
        if len(anchors) < 2:
            raise FormatError("nothing in it tells when its datagrams came")
        where, when = zip(*anchors, strict=True)
        at_ns = np.interp(np.arange(len(found)), where, np.maximum.accumulate(np.array(when))).astype(np.int64)
    order = np.argsort(at_ns, kind="stable")
    return [(float(at_ns[i] - at_ns[order[0]]) / NS_PER_S, found[i][1]) for i in order.tolist()]


def _told_ns(datagram: bytes) -> int:
    """Return the newest time of day that a datagram holds, 0 if none."""
    decoded = asterix.Stream(Context(day_ns=0)).decode([(None, datagram)])
    times = [each.time_ns for each in decoded.detections]
    times += [each.time_ns for each in decoded.tracks] + [each.time_ns for each in decoded.statuses]
    return max((int(each.max(initial=0)) for each in times), default=0)


def beast_timeline(data: bytes) -> Timeline:
    """Return the frames of JSON lines (`frame`, `timestamp`) as Beast binary, without stamps."""
    lines = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).splitlines()
    told = [json.loads(line) for line in lines if line.strip()]
    found = sorted((float(each["timestamp"]), bytes.fromhex(each["frame"])) for each in told)
    return [(at_s - found[0][0], beast(frame)) for at_s, frame in found]


def beast(frame: bytes, stamp: bytes = bytes(6), signal: bytes = b"\x80") -> bytes:
    """Return a Mode S frame as Beast binary."""
    kind = b"3" if len(frame) == 14 else b"2"
    return b"\x1a" + kind + (stamp + signal + frame).replace(b"\x1a", b"\x1a\x1a")


def sbs_timeline(detections: Iterable[Detections]) -> Timeline:
    """Return position reports of aircraft as BaseStation lines.

    Raises:
        FormatError: if there are none.
    """
    ways = [_sbs_rows(batch) for batch in detections if "lat_rad" in batch.components]
    found = list(heapq.merge(*ways, key=lambda each: each[0]))
    if not found:
        raise FormatError("no position reports of aircraft in it")
    return [((at_ns - found[0][0]) / NS_PER_S, lines) for at_ns, lines in found]


def _sbs_rows(batch: Detections) -> Iterator[tuple[int, bytes]]:
    column = {name: batch.values[:, i] for i, name in enumerate(batch.components)}
    east, north = column["velocity_east_m_s"], column["velocity_north_m_s"]
    track_deg = np.degrees(np.arctan2(east, north)) % 360.0
    named: dict[int, int] = {}
    for i in np.argsort(batch.time_ns, kind="stable").tolist():
        address = int(batch.identity.icao_address[i])
        if address == ABSENT:
            continue
        at_ns, lines = int(batch.time_ns[i]), b""
        if at_ns - named.get(address, 0) > NAMED_EVERY_S * NS_PER_S and batch.identity.call_sign[i]:
            named[address] = at_ns
            lines += _sbs(1, address, call_sign=str(batch.identity.call_sign[i]))
        if math.isfinite(east[i]):
            climb = column["velocity_up_m_s"][i] / FOOT_PER_MINUTE_M_S
            speed = math.hypot(east[i], north[i]) / KNOT_M_S
            lines += _sbs(4, address, speed=f"{speed:.1f}", track=f"{track_deg[i]:.1f}", climb=_whole(climb))
        lat, lon = math.degrees(column["lat_rad"][i]), math.degrees(column["lon_rad"][i])
        feet = _whole(column["altitude_m"][i] / FOOT_M)
        yield at_ns, lines + _sbs(3, address, altitude=feet, lat=f"{lat:.6f}", lon=f"{lon:.6f}")


def _whole(number: float) -> str:
    return f"{number:.0f}" if math.isfinite(number) else ""


def _sbs(sort: int, address: int, **said: str) -> bytes:
    names = ("call_sign", "altitude", "speed", "track", "lat", "lon", "climb", "squawk")
    fields = ",".join(said.get(name, "") for name in names)
    return f"MSG,{sort},1,1,{address:06X},1,".encode() + NOW + b"," + NOW + f",{fields},0,0,0,0\r\n".encode()


def play(
    timeline: Timeline, send: Callable[[bytes], None], *, speed: float = 1.0, stop: threading.Event | None = None
) -> int:
    """Send every message at its time and return how many were sent.

    Args:
        timeline: what to send.
        send: sends one message.
        speed: how many times as fast as it was recorded; 0 for as fast as it goes.
        stop: ends it early.
    """
    stop = stop or threading.Event()
    since = time.monotonic()
    for n, (at_s, message) in enumerate(timeline):
        if speed and (left_s := since + at_s / speed - time.monotonic()) > 0.0:
            stop.wait(left_s)
        if stop.is_set():
            return n
        moment = datetime.now(UTC).strftime("%Y/%m/%d,%H:%M:%S.%f")[:-3].encode()
        send(message.replace(NOW, moment) if NOW in message else message)
    return len(timeline)


class Server:
    """Gives what is sent to everybody who is connected; one who does not keep up is disconnected."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.create_server((host, port))
        self.port = int(self._listener.getsockname()[1])
        self._listener.settimeout(0.1)
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def n_clients(self) -> int:
        """How many are connected."""
        with self._lock:
            return len(self._clients)

    def send(self, data: bytes) -> None:
        """Give bytes to everybody."""
        with self._lock:
            for client in list(self._clients):
                try:
                    client.sendall(data)
                except OSError:
                    self._clients.remove(client)
                    client.close()

    def drop_clients(self) -> None:
        """End all connections; they may connect again."""
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients = []

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        self._thread.join()
        self._listener.close()
        self.drop_clients()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(5.0)
            with self._lock:
                self._clients.append(client)


class Sender:
    """Sends datagrams to an address or a group, to listeners on this machine too."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)

    def send(self, data: bytes) -> None:
        """Send one."""
        self._socket.sendto(data, self._to)

    def close(self) -> None:
        """End."""
        self._socket.close()


def main(
    recording: Annotated[str, typer.Argument(help="A file, or sample:NAME.")],
    address: Annotated[str, typer.Argument(help="udp://HOST:PORT, tcp+beast://HOST:PORT or tcp+sbs://HOST:PORT.")],
    speed: Annotated[float, typer.Option(help="Times as fast as recorded; 0: as fast as it goes.", min=0.0)] = 1.0,
    start: Annotated[float, typer.Option("--from", help="Begin so many seconds after the recording's start.")] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin anew at the end.")] = False,
) -> None:
    """Play a recording as if it were live. Ctrl-C ends it."""
    try:
        to = Address.of(address)
        path = sample_path(recording) if recording.startswith(PREFIX) else Path(recording)
        if to.key == "tcp_sbs":
            timeline = sbs_timeline(read(recording).decoded.detections)
        elif to.key == "tcp_beast":
            timeline = beast_timeline(path.read_bytes())
        elif to.key == "udp_asterix":
            timeline = asterix_timeline(path.read_bytes())
        else:
            raise AddressError(f"{address}: plays to udp://, tcp+beast:// and tcp+sbs:// only")
        timeline = [(at_s - start, message) for at_s, message in timeline if at_s >= start]
        host = to.host or "127.0.0.1"
        out = Sender(host, to.port) if to.key == "udp_asterix" else Server(host, to.port)
    except (ValueError, KeyError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from error
    sys.stderr.write(f"{len(timeline):,} messages, {timeline[-1][0] if timeline else 0.0:,.0f} s, to {address}\n")
    try:
        while play(timeline, out.send, speed=speed) and loop:
            pass
    except KeyboardInterrupt:
        raise typer.Exit from None
    finally:
        out.close()


if __name__ == "__main__":
    typer.run(main)
