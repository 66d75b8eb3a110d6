"""Variants that any scenario has: what is lost, or added, one at a time."""

from collections.abc import Callable

from noroshi.assessment.results import Variant
from noroshi.run.scenarios import Nation, Scenario

BASE = Variant(name="base", title="As it is")
ALONE = Variant(name="alone", title="Nations share nothing", sharing=False)
SIZES = (0, 8, 24, 54)
SLOW_S = 5.0
LOSSY = 0.2


def variants_of(scenario: Scenario, families: tuple[str, ...]) -> tuple[Variant, ...]:
    """Return the variants of families in their order, what all are compared with first.

    Args:
        scenario: of what.
        families: of `FAMILIES`.

    Raises:
        ValueError: if there is no such family, or none of it in this scenario.
    """
    found = [BASE]
    for name in families:
        if name not in FAMILIES:
            raise ValueError(f"no variants '{name}'; there are: {', '.join(FAMILIES)}")
        variants = FAMILIES[name](scenario)
        if not variants and name != "default":
            raise ValueError(f"{scenario.name} has no '{name}' to vary; leave it out")
        found += variants
    return tuple(found)


def _sharing(scenario: Scenario) -> list[Variant]:
    return [ALONE] if scenario.links() else []


def _nations(scenario: Scenario) -> list[Variant]:
    """Return each nation absent: its sensors and its node; its ships still sail."""
    if len(scenario.nations) < 2:
        return []
    return [
        Variant(name=f"no-{nation.code}", title=f"Without {nation.name}", changes={f"nations.{nation.code}": False})
        for nation in scenario.nations
    ]


def _sensors(scenario: Scenario) -> list[Variant]:
    """Return each sensor that is no satellite lost for the whole run, as far as its node then knows nothing of it."""
    return [
        Variant(
            name=f"no-{_letters(sensor.site.sensor)}",
            title=f"Without the sensor {sensor.site.sensor}",
            changes={f'nations.{nation.code}.sensors."{sensor.site.sensor}"': False},
        )
        for nation in scenario.nations
        for sensor in nation.sensors
    ]


def _constellation(scenario: Scenario) -> list[Variant]:
    """Return each constellation with other numbers of satellites; more of them than there are is a remedy."""
    return [variant for nation in scenario.nations for variant in _sizes(nation)]


def _sizes(nation: Nation) -> list[Variant]:
    found = []
    for constellation in nation.constellations:
        there = int(getattr(constellation.mover, "satellites", 0))
        for size in SIZES:
            if there and size != there:
                name = f"{_letters(constellation.name)}-{size}"
                title = f"{constellation.name} of {size or 'no'} satellites, not {there}"
                path = f'nations.{nation.code}.constellations."{constellation.name}".number'
                found.append(Variant(name=name, title=title, changes={path: size}, is_remedy=size > there))
    return found


def _links(scenario: Scenario) -> list[Variant]:
    """Return all links slow, all lossy, both, and each two nations cut off from each other."""
    links = scenario.links()
    if not links:
        return []
    slow, lossy = {"links.*.delay_s": SLOW_S}, {"links.*.loss": LOSSY}
    pairs = sorted({"-".join(sorted(pair)) for pair in links})
    return [
        Variant(name="slow-links", title=f"Every link takes {SLOW_S:g} s", changes=slow),
        Variant(name="lossy-links", title=f"Every link loses {LOSSY:.0%}", changes=lossy),
        Variant(name="bad-links", title=f"Every link takes {SLOW_S:g} s and loses {LOSSY:.0%}", changes=slow | lossy),
        *(Variant(name=f"cut-{pair}", title=f"No link {pair}", changes={f"links.{pair}": False}) for pair in pairs),
    ]


def _default(scenario: Scenario) -> list[Variant]:
    """Return the few that say most: nothing shared, no satellites, more satellites, bad links."""
    sizes = [each for each in _constellation(scenario) if set(each.changes.values()) & {SIZES[0], SIZES[-1]}]
    bad = [each for each in _links(scenario) if each.name == "bad-links"]
    return [*_sharing(scenario), *sizes, *bad]


def _letters(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)


FAMILIES: dict[str, Callable[[Scenario], list[Variant]]] = {
    "default": _default,
    "sharing": _sharing,
    "nations": _nations,
    "sensors": _sensors,
    "constellation": _constellation,
    "links": _links,
}
