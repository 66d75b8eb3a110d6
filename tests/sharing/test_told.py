"""What other nations' viewers are told of warnings: what the release function gives, and nothing that it denies."""

import numpy as np
import pytest
from sharing_scenes import PARTNERS, SECOND, SECRET, START_NS, policy_of

from noroshi.records import Alert, Certainty, Kind, Launches, Stage, Threats
from noroshi.sharing.label import ALL_PARTNERS, Label
from noroshi.sharing.release import Secrets
from noroshi.sharing.told import SHOWN_NS, Told

TO_USA = '[[rules]]\nrule = "warnings"\nto = ["USA"]\nproducts = ["warning"]\nexercises = ["SPRING"]\nthen = "pass"\n'
STATUS = '[[rules]]\nrule = "how we are"\nto = ["AUS"]\nproducts = ["status"]\nexercises = ["SPRING"]\nthen = "pass"\n'
OPEN = Label(originator="JPN", releasable_to=(ALL_PARTNERS,))
MARK = "a mark that only this alert has"
VIEWERS = ("AUS", "KOR", "USA")


def alert_of(name="JPN-1", message="Alert", references=(), threat=7, second=0):
    at_ns = START_NS + second * SECOND
    return Alert(
        identifier=name, sender="JPN", status="Exercise", message=message, references=references, hazard="missile",
        threat_id=threat, stage=int(Stage.WILL_PASS), certainty=int(Certainty.LIKELY), sent_ns=at_ns,
        expires_ns=at_ns + 600 * SECOND, picture_ns=at_ns, reason=MARK, code=np.array(["JP-01"]),
        name=np.array(["Hokkaido"]), probability=np.array([0.9]), people=np.array([5e6]),
        arrival_ns=np.array([at_ns + 300 * SECOND]), arrival_latest_ns=np.array([at_ns + 400 * SECOND]),
    )  # fmt: skip


def threats_of(*numbers):
    n = len(numbers)
    kinds = np.zeros((n, len(Kind)))
    kinds[:, Kind.BALLISTIC] = 1.0
    place = {name: np.full(n, 0.5) for name in ("end_sigma_s", "end_lat_rad", "end_lon_rad")}
    return Threats(
        node="jpn", threat_id=np.array(numbers, np.uint64), time_ns=np.full(n, START_NS),
        updated_ns=np.full(n, START_NS), since_ns=np.full(n, START_NS),
        expires_ns=np.full(n, START_NS + 900 * SECOND), stage=np.full(n, int(Stage.WILL_PASS), np.uint8),
        certainty=np.full(n, int(Certainty.LIKELY), np.uint8), kind_probability=kinds,
        end_ns=np.full(n, START_NS + 800 * SECOND), end_covariance_m2=np.zeros((n, 2, 2)),
        region=np.array(["somewhere"] * n), **place,
    )  # fmt: skip


def told_of(rules, *, label=OPEN, exercise="SPRING", viewers=VIEWERS, partners=PARTNERS):
    return Told(policy_of(rules, partners), Secrets(SECRET), viewers=viewers, label=label, exercise=exercise)


def seen(told, second=1):
    return {viewer: told.see(viewer, START_NS + second * SECOND) for viewer in VIEWERS}


def test_an_alert_and_its_threat_are_seen_by_whom_a_rule_gives_them():
    told = told_of(TO_USA)
    told.receive(threats_of(7, 8), START_NS)
    assert all(view.threats is None and not view.alerts for view in seen(told).values())
    told.receive(alert_of(), START_NS)
    views = seen(told)
    assert [one.identifier for one in views["USA"].alerts] == ["JPN-1"]
    assert views["USA"].threats.threat_id.tolist() == [7]  # of the other nobody was told
    for viewer in ("AUS", "KOR"):
        assert views[viewer].alerts == ()
        assert views[viewer].threats is None
        assert views[viewer].launches is None


@pytest.mark.parametrize(
    "more",
    [
        {"rules": ""},
        {"rules": TO_USA.replace('"pass"', '"drop"')},
        {"rules": TO_USA.replace('"warning"', '"contribution"')},
        {"rules": TO_USA.replace('"SPRING"', '"AUTUMN"')},
        {"rules": TO_USA, "exercise": None},
        {"rules": TO_USA, "label": None},
        {"rules": TO_USA, "label": Label(originator="JPN")},
        {"rules": TO_USA, "label": Label(originator="JPN", releasable_to=("KOR",))},
        {"rules": TO_USA, "label": Label(originator="AUS", releasable_to=(ALL_PARTNERS,))},
        {"rules": TO_USA, "label": Label(originator="JPN", releasable_to=(ALL_PARTNERS,), expires_ns=START_NS - 1)},
        {"rules": TO_USA.replace('"USA"', '"ALL-PARTNERS"'), "partners": '[partners]\nGBR = "close"\n'},
        {"rules": TO_USA.replace("then", 'kinds = ["aircraft"]\nthen')},
    ],
)
def test_nothing_that_is_denied_appears(more):
    """Neither the alert nor the threat that it is about: by rules, exercise, label, partners, or what no alert has."""
    told = told_of(**more)
    told.receive(threats_of(7), START_NS)
    told.receive(alert_of(), START_NS)
    for view in seen(told).values():
        assert view.alerts == ()
        assert view.threats is None


def test_what_another_took_away_is_not_seen_and_the_all_clear_is_for_a_while():
    told = told_of(TO_USA)
    told.receive(threats_of(7), START_NS)
    told.receive(alert_of(), START_NS)
    told.receive(alert_of("JPN-2", "Update", ("JPN-1",), second=10), START_NS + 10 * SECOND)
    assert [one.identifier for one in told.see("USA", START_NS + 11 * SECOND).alerts] == ["JPN-2"]
    told.receive(alert_of("JPN-3", "Cancel", ("JPN-1", "JPN-2"), second=20), START_NS + 20 * SECOND)
    view = told.see("USA", START_NS + 21 * SECOND)
    assert [one.identifier for one in view.alerts] == ["JPN-3"]
    assert view.threats is None
    assert told.see("USA", START_NS + 20 * SECOND + SHOWN_NS).alerts == ()


def test_a_rule_that_delays_delays_and_one_that_goes_takes_what_it_gave():
    told = told_of(TO_USA + "[rules.delay]\nseconds = 30\n")
    told.receive(alert_of(), START_NS)
    assert told.see("USA", START_NS + 29 * SECOND).alerts == ()
    assert len(told.see("USA", START_NS + 30 * SECOND).alerts) == 1
    told.tighten(policy_of(STATUS))
    assert told.see("USA", START_NS + 31 * SECOND).alerts == ()


def test_an_alert_ends_when_it_says_or_its_label_does():
    told = told_of(TO_USA)
    told.receive(alert_of(), START_NS)
    assert len(told.see("USA", START_NS + 599 * SECOND).alerts) == 1
    assert told.see("USA", START_NS + 600 * SECOND).alerts == ()
    short = told_of(TO_USA, label=Label(originator="JPN", releasable_to=("USA",), expires_ns=START_NS + 50 * SECOND))
    short.receive(alert_of(), START_NS)
    assert len(short.see("USA", START_NS + 49 * SECOND).alerts) == 1
    assert short.see("USA", START_NS + 50 * SECOND).alerts == ()


def test_launches_are_how_the_node_is():
    told = told_of(TO_USA + STATUS)
    launches = Launches(
        node="jpn", launch_id=np.array([3], np.uint64), track_id=np.zeros(1, np.uint64), first_ns=np.full(1, START_NS),
        time_ns=np.full(1, START_NS), probability=np.ones(1),
        **{name: np.zeros((1, *shape), scalar) for name, (scalar, shape) in Launches.COLUMNS.items()
           if name not in ("launch_id", "track_id", "first_ns", "time_ns", "probability")},
    )  # fmt: skip
    told.receive(launches, START_NS)
    views = seen(told)
    assert views["AUS"].launches is launches
    assert views["USA"].launches is None
    assert views["KOR"].launches is None


def test_the_own_nation_is_not_asked_for():
    with pytest.raises(ValueError, match="told all by its own node"):
        told_of(TO_USA, viewers=("JPN", "USA"))
    with pytest.raises(KeyError):
        told_of(TO_USA).see("JPN", START_NS)
