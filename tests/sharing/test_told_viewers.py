"""What a node gives out of warnings, as its viewers see it: approved alerts by the rules, and proposals never."""

from types import SimpleNamespace

from sharing_scenes import SECOND, SECRET, SENSORS, START_NS, policy_of
from test_told import OPEN, TO_USA, alert_of, threats_of

from noroshi.node.outgoing import Outgoing
from noroshi.run.viewing import Viewing
from noroshi.sharing.release import Secrets

LATER_NS = START_NS + SECOND


def viewing_of(exchange):
    node = SimpleNamespace(exchange=exchange)
    return Viewing("JPN", node, SECRET, ("JPN", "USA", "AUS"), exercise="SPRING")


def exchange_of(rules):
    return SimpleNamespace(policy=policy_of(rules), secrets=Secrets(SECRET), label=OPEN, sensor_types=SENSORS)


def test_a_proposal_is_seen_by_no_other_nation_and_an_alert_by_whom_it_is_released_to():
    viewing = viewing_of(exchange_of(TO_USA))
    viewing.hear(Outgoing("threats", threats_of(7)), START_NS)
    viewing.hear(Outgoing("proposal", alert_of(), True), START_NS)
    for viewer in ("USA", "AUS"):
        assert viewing.told(viewer, LATER_NS).alerts == ()
        assert viewing.told(viewer, LATER_NS).threats is None
    viewing.hear(Outgoing("alert", alert_of(), True), START_NS)
    assert len(viewing.told("USA", LATER_NS).alerts) == 1
    assert viewing.told("AUS", LATER_NS).alerts == ()
    assert viewing.told("JPN", LATER_NS) is None  # its own node tells it all


def test_a_policy_that_closes_takes_what_it_gave():
    exchange = exchange_of(TO_USA)
    viewing = viewing_of(exchange)
    viewing.hear(Outgoing("alert", alert_of(), True), START_NS)
    exchange.policy = policy_of("")
    viewing.hear(Outgoing("threats", threats_of(7)), START_NS)
    assert viewing.told("USA", LATER_NS).alerts == ()


def test_a_node_that_shares_with_nobody_tells_nobody():
    viewing = viewing_of(None)
    viewing.hear(Outgoing("alert", alert_of(), True), START_NS)
    assert viewing.told("USA", LATER_NS).alerts == ()
