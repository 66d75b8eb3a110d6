"""How cautious a nation's warning is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a nation warns of, and when; docs/warning.md says which of these were chosen how.

    Attributes:
        countries: ISO 3166 codes of the countries whose areas are the nation's own: it proposes alerts for no other.
        kind_probability: how likely a track must be a missile to be a threat.
        energy_height_m: what a threat has at least (height + speed^2 / 2 g): no aircraft does.
        near_m: an area is concerned if the threat comes so near to it.
        probability_on: an area is warned if it is concerned with at least this probability,
        probability_boosting: with at least this while it is under thrust: where it will go is not decided yet, and
            what could be reached is not what will be,
        wait_s: once that has held on the whole for so long,
        hurry_s: or, if its earliest likely time is nearer than this, for `glance_s`: a longer wait would cost people
            the time that they need,
        glance_s: and none would let a single look tell them that the next one does not bear out.
        probability_off: it is warned no longer if it is concerned with less than this for `hold_s`.
        hold_s: how long an area stays warned that seems to be concerned no longer,
        doubt_s: and how long in a proposal if nobody there was told yet.
        moved_s: an update is due if an arrival has been another by so much for `doubt_s`.
        again_s: and not more often than this, unless areas come to it.
        stands_s: how long a proposal waits before another replaces it that brings no areas to it: a person decides it.
        lost_s: a threat not measured for so long is lost.
        follow_s: a lost threat is taken up again by a new track within this time.
        clear_s: how long after the latest likely arrival what was lost is held to be over.
        expiry_s: how long after that an alert ends by itself.
        holds_s_max: no forecast of what is measured holds longer than this; 0 is until it is measured again.
        notice_s: how long a launch that nobody else sees is spoken of.
    """

    countries: tuple[str, ...] = ()
    kind_probability: float = 0.6
    energy_height_m: float = 25_000.0
    near_m: float = 50_000.0
    probability_on: float = 0.6
    probability_boosting: float = 0.9
    wait_s: float = 15.0
    hurry_s: float = 120.0
    glance_s: float = 2.0
    probability_off: float = 0.3
    hold_s: float = 20.0
    doubt_s: float = 5.0
    moved_s: float = 30.0
    again_s: float = 15.0
    stands_s: float = 5.0
    lost_s: float = 20.0
    follow_s: float = 90.0
    clear_s: float = 60.0
    expiry_s: float = 600.0
    holds_s_max: float = 2.0
    notice_s: float = 60.0
