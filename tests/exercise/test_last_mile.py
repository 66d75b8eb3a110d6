"""Of the last mile: known cases, the survey that it is set to, and an independent count person by person."""

import numpy as np
import pytest

from noroshi.exercise.injects import KINDS, Supply
from noroshi.exercise.keyed import Draws
from noroshi.exercise.last_mile import CHANNELS, LOUDSPEAKERS, PHONES, Channel, Outage, outages, reached
from noroshi.geo.time import NS_PER_S
from noroshi.run.areas import areas

START_NS = 1_505_426_400 * NS_PER_S
DRAWS = Draws(3, 0, "exercise")
TWELVE = [f"JP-{i:02d}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)]


def at(*seconds):
    return START_NS + np.array(seconds, np.int64) * NS_PER_S


def test_nobody_is_reached_before_the_alert_and_never_more_than_live_there():
    told = reached(areas(), ["JP-02"], [START_NS], at(-10, 0, 10, 60, 600, 86_400), DRAWS)
    aomori = areas().people[list(areas().code).index("JP-02")]
    assert told.people[0] == told.people[1] == 0.0
    assert np.all(np.diff(told.people) >= 0.0)
    assert told.warned == pytest.approx(aomori, rel=1e-6)
    assert told.people[-1] < told.warned
    assert np.all(told.by_channel.sum(axis=1) >= told.people - 1e-6)


def test_in_the_early_morning_of_2017_as_many_knew_of_it_as_were_asked():
    """Cabinet Secretariat of Japan, December 2017: 63.4 % of 5,000; 67.9 % of these by telephone."""
    runs = [reached(areas(), TWELVE, [START_NS] * 12, at(600), Draws(3, i, "exercise")) for i in range(6)]
    knew = np.mean([told.people[0] / told.warned for told in runs])
    assert knew == pytest.approx(0.634, abs=0.005)
    assert runs[0].by_channel[0, 0] / runs[0].warned == pytest.approx(0.634 * 0.679, abs=0.005)


def test_the_average_is_that_of_a_count_person_by_person():
    rng = np.random.default_rng(4)
    n = 200_000
    times = at(5, 20, 60, 120)
    code = "JP-02201"
    told = reached(areas(), [code], [START_NS], times, DRAWS)
    earliest = np.full(n, np.inf)
    for channel in CHANNELS:
        start, works = Draws(3, 0, f"exercise|{code}").uniforms(
            f"last mile {channel.name}", first_look=0, n_looks=1, per_look=2
        )[0]
        sigma = np.log(channel.late_s / channel.median_s) / 1.96
        delay = channel.start_s[0] + (channel.start_s[1] - channel.start_s[0]) * start
        delay = delay + rng.lognormal(np.log(channel.median_s), sigma, n)
        notices = (rng.random(n) < channel.share) & (works >= channel.fails)
        earliest = np.minimum(earliest, np.where(notices, delay, np.inf))
    counted = [(earliest <= t).mean() for t in (5, 20, 60, 120)]
    np.testing.assert_allclose(told.people / told.warned, counted, atol=0.005)


def test_loudspeakers_fail_in_as_many_municipalities_as_they_did():
    only = (Channel(name="loudspeakers", share=1.0, median_s=1.0, late_s=2.0, fails=24.0 / 617.0),)
    told = [
        np.mean(reached(areas(), TWELVE, [START_NS] * 12, at(600), Draws(7, i, "x"), channels=only).by_place[
            np.isin(areas().code[areas().place_area], TWELVE)] < 1.0)
        for i in range(6)
    ]  # fmt: skip
    assert np.mean(told) == pytest.approx(24.0 / 617.0, abs=0.01)  # 6 x 617 draws: 0.3 % is a standard deviation


def test_without_an_exchange_there_are_no_telephones_and_elsewhere_nothing_changes():
    cut = Outage(what=Supply.EXCHANGE, codes=("JP-01",), start_ns=START_NS - 1, end_ns=START_NS + 1)
    whole = reached(areas(), ["JP-01", "JP-02"], [START_NS] * 2, at(600), DRAWS)
    less = reached(areas(), ["JP-01", "JP-02"], [START_NS] * 2, at(600), DRAWS, without=[cut])
    in_hokkaido = areas().code[areas().place_area] == "JP-01"
    assert less.by_channel[0, 0] == pytest.approx(0.43 * 1_237_984, rel=1e-3)
    np.testing.assert_array_equal(less.by_place[~in_hokkaido], whole.by_place[~in_hokkaido])
    assert less.by_place[in_hokkaido].sum() < whole.by_place[in_hokkaido].sum()


def test_batteries_carry_telephones_for_three_hours_without_power():
    def phones(after_s):
        off = Outage(what=Supply.POWER, codes=("JP-02201",), start_ns=START_NS - after_s * NS_PER_S,
                     end_ns=START_NS + 86_400 * NS_PER_S)  # fmt: skip
        return reached(areas(), ["JP-02201"], [START_NS], at(600), DRAWS, without=[off]).by_channel[0]

    assert phones(10_799)[0] > 0.0
    assert phones(10_800)[0] == 0.0
    assert phones(10_800)[1] == phones(0)[1]  # loudspeakers go on
    assert phones(0)[2] == 0.0  # sets at home do not


def test_an_unknown_code_is_named():
    with pytest.raises(ValueError, match="no area or place of the code 'JP-99'"):
        reached(areas(), ["JP-99"], [START_NS], at(1), DRAWS)


def test_a_second_alert_to_who_was_alerted_changes_nothing():
    once = reached(areas(), ["JP-02"], [START_NS], at(30, 90), DRAWS)
    twice = reached(areas(), ["JP-02", "JP-02201"], [START_NS, START_NS + 60 * NS_PER_S], at(30, 90), DRAWS)
    np.testing.assert_array_equal(once.people, twice.people)
    assert PHONES.share > LOUDSPEAKERS.share


def test_injects_of_a_scenario_say_who_is_without_what():
    injects = [
        KINDS["power_cut"](what="power_cut", at_s=10.0, for_s=20.0, whom=["JP-01", "JP-02201"]),
        KINDS["link_cut"](what="link_cut", at_s=0.0, whom="JPN"),
        KINDS["exchange_down"](what="exchange_down", at_s=0.0, whom="JP-47"),
        KINDS["power_cut"](what="power_cut", at_s=200.0, whom="JP-03"),
    ]
    first, second = outages(injects, START_NS, START_NS + 100 * NS_PER_S)
    assert first == Outage(what=Supply.POWER, codes=("JP-01", "JP-02201"), start_ns=START_NS + 10 * NS_PER_S,
                           end_ns=START_NS + 30 * NS_PER_S)  # fmt: skip
    assert second == Outage(what=Supply.EXCHANGE, codes=("JP-47",), start_ns=START_NS, end_ns=START_NS + 100 * NS_PER_S)
