"""What the page costs a browser's main thread: 10,000 tracks a second and 60 sensors, on the flat map and on the globe.

    uv run bench/page_speed.py [--json] [--tracks 10000] [--seconds 20]

An update is what one frame costs: taking it in, and the drawing that follows it, but for what Cesium itself takes to
draw the Earth, which is told apart. Between frames the map is drawn nine times a second by dead reckoning; that is in
the share of the main thread. Where Chromium draws by software, the figures bound what a machine with graphics hardware
needs.
"""

import argparse
import asyncio
import json
import platform
import shutil
import statistics
import sys
import threading
import time
from typing import Any

import numpy as np
import uvicorn
from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Identity, Kind, Tracks
from noroshi.records.tracks import TrackStatus, certain_kind
from noroshi.run.web import wire
from noroshi.run.web.app import page_folder

SEED = 7
START_MS = 1_893_456_000_000
NATIONS = ("AUS", "GBR", "JPN", "KOR", "USA")
ARGUMENTS = ["--no-sandbox", "--enable-unsafe-swiftshader"]
N_SENSORS = 60


def scene(n: int) -> Tracks:
    """Return n tracks around Japan: aircraft and ships, each known to some of five nations."""
    generator = np.random.default_rng(SEED)
    lat_rad, lon_rad = np.radians(generator.normal(36.0, 6.0, n)), np.radians(generator.normal(136.0, 8.0, n))
    place = ecef_from_geodetic(lat_rad, lon_rad, generator.uniform(1000.0, 12_000.0, n))
    sideways = np.cross(place, generator.normal(size=(n, 3)))
    velocity = 230.0 * sideways / np.linalg.norm(sideways, axis=1, keepdims=True)
    return Tracks(
        node="JPN",
        source_names=NATIONS,
        track_id=generator.integers(1, 2**53, n).astype(np.uint64),
        time_ns=np.full(n, START_MS * 1_000_000),
        updated_ns=np.full(n, START_MS * 1_000_000),
        revision=np.zeros(n, np.int32),
        state_ecef=np.hstack([place, velocity]),
        covariance_ecef=np.broadcast_to(1e4 * np.eye(6), (n, 6, 6)).copy(),
        existence=np.ones(n),
        kind_probability=certain_kind(np.where(generator.random(n) < 0.15, Kind.SHIP, Kind.AIRCRAFT), n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=generator.random((n, len(NATIONS))) < 0.6,
        identity=Identity.absent(n).replace(icao_address=np.where(generator.random(n) < 0.8, 1000, -1)),
    )


def texts() -> list[dict[str, Any]]:
    """Return what a server says before its first frame."""
    generator = np.random.default_rng(SEED + 1)
    sensors = [
        {
            "name": f"sensor-{k:02d}", "nation": NATIONS[k % len(NATIONS)], "sort": "search_radar",
            "lat_deg": float(generator.normal(36.0, 8.0)), "lon_deg": float(generator.normal(136.0, 9.0)),
            "height_m": 100.0, "state": "ok", "seen_ms": START_MS, "carrier": None, "range_m_max": 400_000.0,
            "elevation_deg": [0, 30], "sectors_deg": [],
        }
        for k in range(N_SENSORS)
    ]  # fmt: skip
    hello = {
        "type": "hello", "version": 1, "program": "bench", "mode": "exercise", "exercise": "BENCH", "node": "JPN",
        "user": {"name": "", "role": "viewer"}, "view": "JPN", "views": [], "can": {"seek": False, "decide": False},
    }  # fmt: skip
    sources = [{"name": name, "nation": name, "is_nation": True} for name in NATIONS]
    return [
        hello,
        {"type": "sources", "version": 1, "rows": sources},
        {"type": "sensors", "rows": sensors},
    ]


def clock(at_ms: int) -> dict[str, Any]:
    """Return the text `clock` of a picture that is followed."""
    return {
        "type": "clock", "n": 0, "picture_ms": at_ms, "at_ms": at_ms, "start_ms": START_MS, "known_ms": at_ms,
        "end_ms": None, "rate": 1, "playing": True, "following": True, "jumped": False, "step_ms": 1000, "saying": "",
    }  # fmt: skip


def serve(tracks: Tracks) -> tuple[uvicorn.Server, list[float]]:
    """Serve the page and a frame a second; return the server and what encoding took each time [ms]."""
    encoded_ms: list[float] = []

    async def picture(socket: WebSocket) -> None:
        await socket.accept()
        for text in texts():
            await socket.send_json(text)
        try:
            for second in range(100_000):
                at_ms = START_MS + 1000 * second
                moved = tracks.state_ecef.copy()
                moved[:, :3] += second * moved[:, 3:]
                now = tracks.replace(state_ecef=moved, time_ns=np.full(len(tracks), at_ms * 1_000_000))
                began = time.process_time()
                frame = wire.encode(
                    now, picture_ns=at_ms * 1_000_000, sent_ns=time.time_ns(), sequence=second, sources_version=1,
                    names_count=0, flags=wire.EXERCISE | wire.LIVE,
                )  # fmt: skip
                encoded_ms.append(1e3 * (time.process_time() - began))
                await socket.send_json(clock(at_ms))
                await socket.send_bytes(frame)
                await asyncio.sleep(1.0)
        except WebSocketDisconnect:
            pass

    folder = page_folder()
    if folder is None:
        sys.exit("the page is not built: uv sync")
    app = Starlette(
        routes=[WebSocketRoute("/v1/picture", picture), Mount("/", StaticFiles(directory=folder, html=True))]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws_per_message_deflate=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, encoded_ms


MEASURE = """seconds => new Promise((done) => {
  const updates = [], draws = [], globe = [];
  let drawn = noroshi.app.drawnAt, frames = noroshi.world.frames, waiting = null;
  const timer = setInterval(() => {
    if (noroshi.world.frames !== frames) { frames = noroshi.world.frames; waiting = noroshi.world.took_ms; }
    if (noroshi.app.drawnAt === drawn) return;
    drawn = noroshi.app.drawnAt;
    const cesium = noroshi.app.view.cesium_ms ?? 0;
    draws.push(noroshi.app.drew_ms);
    globe.push(cesium);
    if (waiting !== null) { updates.push(waiting + noroshi.app.drew_ms - cesium); waiting = null; }
  }, 2);
  const end = () => { clearInterval(timer); done({ updates, draws, globe, seen: noroshi.app.view.overlay.seen.n }); };
  setTimeout(end, 1000 * seconds);
})"""


def measure(url: str, view: str, seconds: float, chromium: str) -> dict[str, Any]:
    """Return what a view costs."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(f"{url}#v={view}&m=136,36,5500")
        page.wait_for_function(
            "view => window.noroshi?.world.frames > 3 && noroshi.app.view.name === view", arg=view, timeout=60_000
        )
        page.wait_for_timeout(10_000 if view == "globe" else 2_000)

        def busy_s() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

        before = busy_s()
        found = page.evaluate(MEASURE, seconds)
        share = (busy_s() - before) / seconds
        heap = page.evaluate("() => performance.memory?.usedJSHeapSize ?? 0") / 1e6
        version = browser.version
        browser.close()
    updates, draws = sorted(found["updates"]), sorted(found["draws"])
    return {
        "update_ms_median": statistics.median(updates),
        "update_ms_p95": updates[int(0.95 * (len(updates) - 1))],
        "draw_ms_median": statistics.median(draws),
        "cesium_ms_median": statistics.median(found["globe"]),
        "n_updates": len(updates),
        "n_draws": len(draws),
        "tracks_in_sight": found["seen"],
        "main_thread_share": share,
        "heap_mb": heap,
        "chromium": version,
    }


def main() -> None:
    """Measure both views and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tracks", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    wanted = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    server, encoded_ms = serve(scene(wanted.tracks))
    port = server.servers[0].sockets[0].getsockname()[1]
    found: dict[str, Any] = {
        "seed": SEED,
        "tracks": wanted.tracks,
        "sensors": N_SENSORS,
        "python": platform.python_version(),
    }
    for view in ("flat", "globe"):
        found[view] = measure(f"http://127.0.0.1:{port}/", view, wanted.seconds, chromium)
        if not wanted.json:
            print(view, json.dumps(found[view]))
    found["encode_ms_median"] = statistics.median(encoded_ms)
    server.should_exit = True
    print(json.dumps(found))


if __name__ == "__main__":
    main()
