"""What `noroshi coverage` tells: one object for machines, tables for people."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from noroshi.exercise.coverage_report import FOLDS, Band, FlightCover, Gains, GroundCover, SpaceCover
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.run.coverage.command import Covered, Network
from noroshi.run.coverage.keeping import Keeping
from noroshi.run.printing import printable

KM2 = 1e6
N_BEST = 5
N_SPELLS_MAX = 12
SPACE_COLUMNS = ("by 1 %", "by 2 %", "by 3 %", "mean", "least", "gap of 1", "longest", "gap of 2", "longest")


def summary(covered: Covered) -> dict[str, Any]:
    """Return everything as one object that JSON can hold."""
    region, wanted = covered.region, covered.wanted
    return {
        "scenario": covered.title,
        "region": {
            "south_deg": _degrees(region.south_rad),
            "west_deg": _degrees(region.west_rad),
            "north_deg": _degrees(region.north_rad),
            "east_deg": _degrees(region.east_rad),
            "area_km2": round(region.area_m2 / KM2),
            "points": len(region.points),
            "point_km2": round(region.point_area_m2 / KM2, 1),
        },
        "assumed": {
            "cross_section_m2": wanted.target.cross_section_m2,
            "heat_w_sr": wanted.target.heat_w_sr,
            "probability_in_a_look": wanted.target.probability,
            "reports": wanted.target.reports,
            "ground": "4/3 Earth, no terrain",
            "hours": wanted.hours,
            "step_s": wanted.step_s,
        },
        "sensors": _sensors(covered.network),
        "left_out": list(covered.network.blind),
        "ground": [_ground(each, region.area_m2) for each in covered.ground],
        "space": [_space(each) for each in covered.space],
        "flights": [_flight(each, covered.network.nations) for each in covered.flights],
        "added": _added(covered.gains, wanted.heights_m) if covered.gains else None,
        "kept": _kept(covered.keeping) if covered.keeping else None,
    }


def show(told: dict[str, Any], console: Console) -> None:
    """Print the summary as tables."""
    region, assumed = told["region"], told["assumed"]
    bounds = [f"{region[f'{side}_deg']:.1f}" for side in ("south", "west", "north", "east")]
    console.print(
        f"[bold]{_safe(told['scenario'])}[/bold]: {', '.join(bounds)} (south, west, north, east), "
        f"{region['area_km2']:,} km2; one point stands for {region['point_km2']:,} km2"
    )
    console.print(
        f"a place counts as seen where one look has a chance of {assumed['probability_in_a_look']:g} or more at "
        f"{assumed['cross_section_m2']:g} m2 and {assumed['heat_w_sr']:g} W/sr"
    )
    if told["left_out"]:
        console.print(f"left out, seeing no such target: {_safe(', '.join(told['left_out']))}")
    _show_ground(told, console)
    _show_space(told, console)
    for each in told["flights"]:
        _show_flight(each, console)
    if told["added"]:
        _show_added(told["added"], console)
    if told["kept"]:
        _show_kept(told["kept"], console)


def _sensors(network: Network) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for sight in network.ground:
        lat, lon, height_m = (float(each) for each in geodetic_from_ecef(sight.position_ecef_m))
        rows.append(
            {
                "sensor": sight.name,
                "nation": sight.nation,
                "lat_deg": _degrees(lat),
                "lon_deg": _degrees(lon),
                "height_m": round(height_m, 1),
                "range_km": round(sight.range_m_max / 1000.0, 1),
            }
        )
    for one in network.constellations:
        ranges_km = {
            name: round(float(range_m) / 1000.0)
            for name, range_m in (
                ("before_earth", one.sight.earth_range_m),
                ("before_limb", one.sight.limb_range_m),
                ("before_sky", one.sight.sky_range_m),
            )
        }
        rows.append(
            {"sensor": one.name, "nation": one.nation, "satellites": len(one.position_ecef_m), "range_km": ranges_km}
        )
    return rows


def _ground(each: GroundCover, area_m2: float) -> dict[str, Any]:
    return {
        "height_m": each.height_m,
        "area_km2": {str(least): round(each.area_m2[least] / KM2) for least in FOLDS},
        "percent": {str(least): round(100.0 * each.area_m2[least] / area_m2, 2) for least in FOLDS},
        "nations": {
            nation: {
                "alone_km2": round(alone / KM2),
                "alone_percent": round(100.0 * alone / area_m2, 2),
                "without_km2": round((each.area_m2[1] - each.lost_m2[nation]) / KM2),
                "without_percent": round(100.0 * (each.area_m2[1] - each.lost_m2[nation]) / area_m2, 2),
            }
            for nation, alone in each.alone_m2.items()
        },
        "sensors_km2": {name: round(area / KM2) for name, area in each.sensor_m2.items()},
    }


def _space(each: SpaceCover) -> dict[str, Any]:
    return {
        "height_m": each.height_m,
        "earth": _band(each.whole),
        "region": _band(each.region),
        "bands": [_band(band) for band in each.bands],
        "region_without": {
            nation: {str(least): round(100.0 * share[least], 2) for least in FOLDS}
            for nation, share in each.without.items()
        },
    }


def _band(band: Band) -> dict[str, Any]:
    return {
        "south_deg": _degrees(band.south_rad),
        "north_deg": _degrees(band.north_rad),
        "percent": {str(least): round(100.0 * band.share[least], 2) for least in FOLDS},
        "mean_fold": round(band.mean_fold, 3),
        "least_fold": band.least_fold,
        "mean_gap_s": {str(least): round(band.mean_gap_s[least]) for least in FOLDS},
        "longest_gap_s": {str(least): round(band.longest_gap_s[least]) for least in FOLDS},
    }


def _flight(each: FlightCover, nations: Sequence[str]) -> dict[str, Any]:
    owner = [sight.nation for sight in each.sights]
    ground, space = np.asarray(each.ground.any(axis=0)), each.space.sum(axis=0)
    of_space = [one.nation for one in each.constellations]
    without = {}
    for nation in nations:
        left = each.ground[[own != nation for own in owner]].sum(axis=0)
        left = left + each.space[[own != nation for own in of_space]].sum(axis=0)
        without[nation] = {str(least): _percent(left >= least) for least in FOLDS[:2]}
    return {
        "flight": each.name,
        "seconds": [float(each.time_s[0]), float(each.time_s[-1])],
        "height_km_max": round(float(each.height_m.max()) / 1000.0, 1),
        "percent": {str(least): _percent(each.fold >= least) for least in FOLDS},
        "percent_ground": _percent(ground),
        "percent_stereo": _percent(space >= 2),
        "percent_without": without,
        "longest_gap_s": {str(least): _longest_s(each.fold < least, each.time_s) for least in FOLDS[:2]},
        "first_seen_s": {
            "ground": _first(ground, each.time_s),
            "space": _first(space >= 1, each.time_s),
            "stereo": _first(space >= 2, each.time_s),
        },
        "spells": _spells(each),
    }


def _spells(each: FlightCover) -> list[dict[str, Any]]:
    """Return the spells of a flight in which the same sensors on the ground and as many satellites can see it."""
    state = np.concatenate([each.ground.astype(np.int64), each.space], axis=0)
    starts = np.flatnonzero(np.any(np.diff(state, axis=1, prepend=-1), axis=0))
    ends = np.append(starts[1:], len(each.time_s) - 1)
    names = [sight.name for sight in each.sights]
    return [
        {
            "from_s": float(each.time_s[start]),
            "to_s": float(each.time_s[end]),
            "lat_deg": _degrees(float(each.lat_rad[start])),
            "lon_deg": _degrees(float(each.lon_rad[start])),
            "height_km": round(float(each.height_m[start]) / 1000.0, 2) + 0.0,
            "ground": [name for name, seen in zip(names, each.ground[:, start], strict=True) if seen],
            "space": {
                one.name: int(count) for one, count in zip(each.constellations, each.space[:, start], strict=True)
            },
        }
        for start, end in zip(starts, ends, strict=True)
        if start < end
    ]


def _kept(keeping: Keeping) -> dict[str, Any]:
    plan, name = keeping.plan, keeping.names.__getitem__
    return {
        "height_m": keeping.height_m,
        "of": len(keeping.names),
        "losses": keeping.losses,
        "sensors": [*map(name, plan.chosen)],
        "covered_km2": round(plan.nominal),
        "after_worst_loss_km2": round(plan.value),
        "worst_loss": [*map(name, plan.loss)],
        "bound_km2": round(plan.bound),
        "gap_percent": round(100.0 * plan.gap, 3),
        "greedy": {"sensors": [*map(name, plan.greedy)], "after_worst_loss_km2": round(plan.greedy_value)},
        "next_best": [
            {"sensors": [*map(name, sites)], "after_worst_loss_km2": round(value)} for sites, value in plan.others
        ],
        "inputs": plan.inputs,
    }


def _show_kept(told: dict[str, Any], console: Console) -> None:
    console.print(
        f"keeping {len(told['sensors'])} of {told['of']} sensors at {told['height_m']:,.0f} m: "
        f"{_safe(', '.join(told['sensors']))}"
    )
    console.print(
        f"they cover {told['covered_km2']:,} km2, and {told['after_worst_loss_km2']:,} km2 after the worst loss of "
        f"{told['losses']}{_safe(': ' + ', '.join(told['worst_loss'])) if told['worst_loss'] else ''}; no choice keeps "
        f"more than {told['bound_km2']:,} km2 (gap {told['gap_percent']:g} %); the greedy one keeps "
        f"{told['greedy']['after_worst_loss_km2']:,} km2"
    )
    for other in told["next_best"]:
        new, gone = (
            ", ".join(sorted(set(one["sensors"]) - set(two["sensors"]))) for one, two in ((other, told), (told, other))
        )
        console.print(_safe(f"next best: {new} for {gone}, {other['after_worst_loss_km2']:,} km2 after the worst loss"))


def _added(gains: Gains, heights_m: Sequence[float]) -> dict[str, Any]:
    return {
        "like": gains.like,
        "least": gains.least,
        "heights_m": list(heights_m),
        "candidates": len(gains.places),
        "best": [
            {
                "lat_deg": _degrees(float(lat)),
                "lon_deg": _degrees(float(lon)),
                "gain_km2": [round(float(gain) / KM2) for gain in row],
            }
            for (lat, lon), row in zip(gains.places[:N_BEST], gains.gain_m2[:N_BEST], strict=True)
        ],
    }


def _show_ground(told: dict[str, Any], console: Console) -> None:
    if not told["ground"] or not told["ground"][0]["nations"]:
        console.print("no sensor on the ground sees such a target")
        return
    nations = list(told["ground"][0]["nations"])
    columns = ["height", "by 1", "by 2", "by 3", *(f"{n} alone" for n in nations), *(f"without {n}" for n in nations)]
    table = _table("sensors on the ground: % of the region", columns)
    for row in sorted(told["ground"], key=lambda row: float(row["height_m"])):
        of = row["nations"]
        table.add_row(
            height_text(row["height_m"]),
            *(f"{row['percent'][str(least)]:.1f}" for least in FOLDS),
            *(f"{of[nation]['alone_percent']:.1f}" for nation in nations),
            *(f"{of[nation]['without_percent']:.1f}" for nation in nations),
        )
    console.print(table)
    table = _table("sensors on the ground: thousand km2", columns)
    for row in sorted(told["ground"], key=lambda row: float(row["height_m"])):
        of = row["nations"]
        table.add_row(
            height_text(row["height_m"]),
            *(f"{row['area_km2'][str(least)] / 1000.0:,.0f}" for least in FOLDS),
            *(f"{of[nation]['alone_km2'] / 1000.0:,.0f}" for nation in nations),
            *(f"{of[nation]['without_km2'] / 1000.0:,.0f}" for nation in nations),
        )
    console.print(table)


def _show_space(told: dict[str, Any], console: Console) -> None:
    """Print the region by height, and the latitudes at the first height that satellites see anything at."""
    if not told["space"]:
        return
    span = f"{told['assumed']['hours']:g} h in steps of {told['assumed']['step_s']:g} s"
    table = _table(f"satellites over the region, {span}", ["height", *SPACE_COLUMNS])
    for each in sorted(told["space"], key=lambda each: float(each["height_m"])):
        table.add_row(height_text(each["height_m"]), *_band_cells(each["region"]))
    console.print(table)
    seen = [each for each in told["space"] if each["earth"]["mean_fold"] > 0.0]
    if not seen:
        return
    first = seen[0]
    for nation, share in first["region_without"].items():
        console.print(
            f"at {height_text(first['height_m'])} without {_safe(nation)}: by 1 {share['1']:.1f} %, by 2 "
            f"{share['2']:.1f} %, by 3 {share['3']:.1f} %"
        )
    table = _table(f"satellites by latitude, targets at {height_text(first['height_m'])}", ["latitude", *SPACE_COLUMNS])
    for band in reversed(first["bands"]):
        table.add_row(f"{band['south_deg']:+.0f} to {band['north_deg']:+.0f}", *_band_cells(band))
    table.add_row("Earth", *_band_cells(first["earth"]))
    console.print(table)


def _band_cells(band: dict[str, Any]) -> list[str]:
    return [
        *(f"{band['percent'][str(least)]:.1f}" for least in FOLDS),
        f"{band['mean_fold']:.2f}",
        f"{band['least_fold']}",
        *(_minutes(band[key][str(least)]) for least in FOLDS[:2] for key in ("mean_gap_s", "longest_gap_s")),
    ]


def _show_flight(each: dict[str, Any], console: Console) -> None:
    first = {name: "never" if at is None else f"{at:.0f} s" for name, at in each["first_seen_s"].items()}
    console.print(
        f"[bold]{_safe(each['flight'])}[/bold]: seen by 1 {each['percent']['1']:.1f} %, by 2 "
        f"{each['percent']['2']:.1f} %, from the ground {each['percent_ground']:.1f} %, in stereo from space "
        f"{each['percent_stereo']:.1f} % of its time; first from the ground {first['ground']}, from space "
        f"{first['space']}, in stereo {first['stereo']}; longest gap {each['longest_gap_s']['1']:.0f} s"
    )
    for nation, share in each["percent_without"].items():
        console.print(f"  without {_safe(nation)}: by 1 {share['1']:.1f} %, by 2 {share['2']:.1f} %")
    table = _table("", ["from s", "to s", "latitude", "longitude", "km", "satellites", "on the ground"])
    for spell in each["spells"][:N_SPELLS_MAX]:
        table.add_row(
            f"{spell['from_s']:.0f}",
            f"{spell['to_s']:.0f}",
            f"{spell['lat_deg']:.2f}",
            f"{spell['lon_deg']:.2f}",
            f"{max(spell['height_km'], 0.0):.1f}",
            f"{sum(spell['space'].values())}",
            _safe(", ".join(spell["ground"])),
        )
    console.print(table)
    if len(each["spells"]) > N_SPELLS_MAX:
        console.print(f"  and {len(each['spells']) - N_SPELLS_MAX} more spells: see --json")


def _show_added(added: dict[str, Any], console: Console) -> None:
    names = [height_text(height_m) for height_m in added["heights_m"]]
    title = (
        f"one more sensor like {_safe(added['like'])}: thousand km2 more that are seen by {added['least']}, by height "
        f"({added['candidates']} places tried)"
    )
    table = _table(title, ["latitude", "longitude", *names, "sum"])
    for row in added["best"]:
        table.add_row(
            f"{row['lat_deg']:.2f}",
            f"{row['lon_deg']:.2f}",
            *(f"{gain / 1000.0:,.1f}" for gain in row["gain_km2"]),
            f"{sum(row['gain_km2']) / 1000.0:,.1f}",
        )
    console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left")
    for name in columns:
        table.add_column(name, justify="left" if name == "on the ground" else "right")
    return table


def height_text(height_m: float) -> str:
    """Return a height as people write it."""
    return f"{height_m / 1000.0:g} km" if height_m >= 1000.0 else f"{height_m:g} m"


def _minutes(seconds: float) -> str:
    return "-" if seconds == 0.0 else f"{seconds / 60.0:.1f} min"


def _degrees(radians: float) -> float:
    return round(math.degrees(radians), 4)


def _percent(seen: NDArray[np.bool_]) -> float:
    return round(100.0 * float(np.mean(seen)), 2)


def _first(seen: NDArray[np.bool_], time_s: NDArray[np.float64]) -> float | None:
    return float(time_s[np.argmax(seen)]) if seen.any() else None


def _longest_s(missing: NDArray[np.bool_], time_s: NDArray[np.float64]) -> float:
    edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[::2], np.minimum(edges[1::2], len(time_s) - 1)
    return float(np.max(time_s[ends] - time_s[starts])) if len(starts) else 0.0


def _safe(text: str) -> str:
    return printable(text, 200).replace("[", r"\[")
