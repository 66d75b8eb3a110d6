"""A node's desk for alerts in a process of its own, which is killed; and what starts it again.

Run as a program it imports once, and then forks a process for each line it reads, `[first, pause_s]`: the process
opens the desk, says what was left over, and approves alert after alert of a fixed script from the number `first` on.
It says each on its standard output when `approve` has returned, and goes on until it is killed or, if `pause_s` is
below 0, sends what is left over and ends.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from noroshi.records import Alert, Certainty, Stage
from noroshi.records.alert import EXERCISE
from noroshi.run import pki
from noroshi.run.alerts.desk import AlertDesk
from noroshi.run.alerts.languages import load_language
from noroshi.run.alerts.sending import open_outlets
from noroshi.run.outlets import RefusedError
from noroshi.run.stores.alerts import Kept

MINUTE_NS = 60_000_000_000
PER_THREAT = 3  # an alert, an update, a cancel


def alert_of(number: int, start_ns: int) -> Alert:
    """Return the alert of the script with a number: of each three an alert, its update, and its cancel."""
    threat, step = divmod(number, PER_THREAT)
    names = [f"T{threat}-{k}" for k in range(PER_THREAT)]
    sent_ns = start_ns + number * 1_000_000_000
    return Alert(
        identifier=names[step],
        sender="JPN",
        status=EXERCISE,
        message=("Alert", "Update", "Cancel")[step],
        references=() if step == 0 else (names[step - 1],),
        hazard="missile",
        threat_id=threat,
        stage=int((Stage.WILL_PASS, Stage.WILL_PASS, Stage.PASSED)[step]),
        certainty=int((Certainty.POSSIBLE, Certainty.LIKELY, Certainty.OBSERVED)[step]),
        sent_ns=sent_ns,
        expires_ns=sent_ns + 60 * MINUTE_NS,
        picture_ns=sent_ns,
        reason=f"number {number}",
        code=np.array(["JP-02", "JP-01"]),
        name=np.array(["Aomori", "Hokkaido"]),
        probability=np.array([0.9, 0.4]),
        people=np.array([1e6, 5e6]),
        arrival_ns=sent_ns + np.array([5, 6]) * MINUTE_NS,
        arrival_latest_ns=sent_ns + np.array([6, 7]) * MINUTE_NS,
    )


def sha(kept: Kept) -> str:
    """Return the SHA-256 of what goes out of an alert."""
    return hashlib.sha256(kept.message.bodies["cap"]).hexdigest()


def say(*told: object) -> None:
    """Write a line at once; one this short is written whole or not at all."""
    os.write(1, (json.dumps(told) + "\n").encode())


def work(folder: Path, url: str, start_ns: int, first: int, pause_s: float) -> None:
    """Be a node from its start to its end."""
    outlets = open_outlets([{"name": "disk", "type": "file", "folder": str(folder / "out")},
                            {"name": "post", "type": "http_post", "url": url, "timeout_s": 2.0}])  # fmt: skip
    languages = [load_language("en"), load_language("ja")]
    with AlertDesk(
        folder / "alerts.sqlite", pki.identity(folder / "keys"), languages=languages, zone="Asia/Tokyo", outlets=outlets
    ) as desk:
        say("open", sum(one.state == "due" for one in desk.deliveries()))
        desk.start()
        number = first
        while pause_s >= 0.0:
            kept = desk.approve(alert_of(number, start_ns))
            say("decided", number, kept.alert.identifier, sha(kept), kept.cancel is not None)
            number += 1
            time.sleep(pause_s)
        while any(one.state == "due" for one in desk.deliveries()):
            time.sleep(0.01)
        refused = [one.identifier for one in desk.deliveries() if one.state == "refused"]
        if refused:
            raise RefusedError(f"{refused}")
    say("done")


def main() -> None:
    """Start processes as they are asked for, one at a time."""
    folder, url, start_ns = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    say("launcher")
    for line in sys.stdin:
        first, pause_s = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                work(folder, url, start_ns, first, pause_s)
            except BaseException as error:
                say("failed", f"{type(error).__name__}: {error}")
                raise
            finally:
                os._exit(0)
        say("pid", pid)
        _, status = os.waitpid(pid, 0)
        say("ended", status)


if __name__ == "__main__":
    main()
