"""What came of `noroshi track`, in figures: for a person and for a machine."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.assessment.residuals import Residual
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Tracks, TrackStatus
from noroshi.run.api import Tracked
from noroshi.run.printing import printable
from noroshi.run.recordings import Recording
from noroshi.tracking.registration import BIASES, Registration


def summarise(
    recordings: Sequence[Recording],
    tracked: Tracked | None,
    *,
    residuals: Sequence[Residual],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return all figures as plain data for JSON."""
    system = [tracks for recording in recordings for tracks in recording.decoded.tracks]
    return {
        "recordings": [_recording(recording) for recording in recordings],
        "sensors": _sensors(tracked) if tracked else [],
        "tracks": _tracks(tracked.tracks) if tracked and tracked.tracks is not None else None,
        "system_tracks": [_tracks(tracks) for tracks in system],
        "residuals": [
            {"sensor": r.sensor, "component": r.component, "n": r.n, "bias": r.bias, "sigma": r.sigma}
            for r in residuals
        ],
        "registration": _registration(tracked.registration) if tracked and tracked.registration else [],
        "notes": tracked.notes if tracked else [],
        "digest": tracked.digest if tracked else None,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def _recording(recording: Recording) -> dict[str, Any]:
    decoded = recording.decoded
    return {
        "file": recording.path.name,
        "format": recording.format,
        "records": decoded.n_records,
        "counts": dict(sorted(decoded.counts.items())),
        "damage": dict(sorted(decoded.damage.items())),
        "columns_not_used": decoded.columns_not_used,
        "notes": decoded.notes,
    }


def _sensors(tracked: Tracked) -> list[dict[str, Any]]:
    sites = {site.sensor: site for site in tracked.setup.sites}
    rows: list[dict[str, Any]] = []
    for name in [*sites, *sorted(set(tracked.n_plots) - set(sites))]:
        refused = {reason: n for (sensor, reason), n in sorted(tracked.refused.items()) if sensor == name}
        plots = tracked.n_plots[name]
        # One that two tracks shared counts for both.
        used = min(tracked.plots_used.get(name, 0), plots - sum(refused.values()))
        rows.append(
            {
                "sensor": name,
                "type": sites[name].type if name in sites else "",
                "scan_period_s": sites[name].parameters.get("scan_period_s") if name in sites else None,
                "plots": plots,
                "used": used,
                "unused": plots - used - sum(refused.values()),
                "refused": refused,
            }
        )
    return rows


def _registration(registration: Registration) -> list[dict[str, Any]]:
    """Return each radar's biases at the end and their sigmas; None where unknown."""
    biases, sigmas = registration.marginals
    return [
        {
            "sensor": name,
            "bias": {key: None if math.isnan(x) else x for key, x in zip(BIASES, bias.tolist(), strict=True)},
            "sigma": {key: None if math.isinf(x) else x for key, x in zip(BIASES, sigma.tolist(), strict=True)},
        }
        for name, bias, sigma in zip(registration.sensors, biases, sigmas, strict=True)
    ]


def _tracks(tracks: Tracks) -> dict[str, Any]:
    ids = np.unique(tracks.track_id)
    start = np.full(len(ids), np.iinfo(np.int64).max)
    end = np.full(len(ids), np.iinfo(np.int64).min)
    which = np.searchsorted(ids, tracks.track_id)
    np.minimum.at(start, which, tracks.time_ns)
    np.maximum.at(end, which, tracks.time_ns)
    lat, lon, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    speed = np.linalg.norm(tracks.state_ecef[:, 3:], axis=1)
    at_once = np.cumsum(np.concatenate([np.ones(len(ids)), -np.ones(len(ids))])[_by_time(start, end)])
    return {
        "node": tracks.node,
        "rows": len(tracks),
        "tracks": len(ids),
        "lost": int((tracks.status == TrackStatus.LOST).sum()),
        "at_once_max": int(at_once.max(initial=0)),
        "duration_s_median": _quantiles(end / NS_PER_S - start / NS_PER_S, [0.5])[0],
        "from": iso_from_utc_ns(int(start.min())) if len(ids) else None,
        "to": iso_from_utc_ns(int(end.max())) if len(ids) else None,
        "lat_deg": _quantiles(np.degrees(lat), [0, 1], 4),
        "lon_deg": _quantiles(np.degrees(lon), [0, 1], 4),
        "height_m": _quantiles(height_m, [0, 0.5, 1]),
        "speed_m_s": _quantiles(speed, [0, 0.5, 1]),
    }


def _quantiles(values: NDArray[np.float64], shares: Sequence[float], digits: int = 1) -> list[float | None]:
    """Return quantiles of what is finite; None where nothing is."""
    known = values[np.isfinite(values)]
    return [round(float(x), digits) for x in np.quantile(known, shares)] if len(known) else [None] * len(shares)


def _by_time(start: Any, end: Any) -> Any:
    # A track that ends where another begins has ended.
    times = np.concatenate([start, end])
    return np.lexsort((np.repeat([1, 0], [len(start), len(end)]), times))


def _safe(text: str) -> str:
    """Return text from a recording so that rich prints it as it is."""
    return escape(printable(text))


def _figure(x: float | None) -> str:
    return "unknown" if x is None else f"{x:,}"


def show(summary: Mapping[str, Any], console: Console) -> None:
    """Print the summary for a person."""
    for recording in summary["recordings"]:
        damaged = sum(recording["damage"].values())
        console.print(
            f"[bold]{_safe(recording['file'])}[/]: {recording['format']}, {recording['records']:,} records"
            + (f", [yellow]{damaged:,} damaged[/]" if damaged else "")
        )
        for what, n in recording["counts"].items():
            console.print(f"  {n:>9,}  {_safe(what)}")
        for why, n in recording["damage"].items():
            console.print(f"  {n:>9,}  [yellow]damaged: {_safe(why)}[/]")
        if unused := recording["columns_not_used"]:
            console.print(f"  [yellow]columns not used: {_safe(', '.join(unused))}[/]")
        for note in recording["notes"]:
            console.print(f"  [yellow]note:[/] {escape(printable(note, 500))}")
    if summary["sensors"]:
        console.print(_sensor_table(summary["sensors"]))
    for tracks in [summary["tracks"], *summary["system_tracks"]]:
        if tracks:
            _show_tracks(tracks, console)
    if summary["sensors"] and not summary["tracks"]:
        console.print(
            "no track became firm: does each sensor look as often as is told above, and is as exact as it says? "
            'See docs/tables.md, "How often"'
        )
    if summary["residuals"]:
        console.print(_residual_table(summary["residuals"]))
    if summary["registration"]:
        console.print(_registration_table(summary["registration"]))
    for note in summary["notes"]:
        console.print(f"[yellow]note:[/] {escape(printable(note, 500))}")
    took = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    console.print(f"[dim]{took}[/]")


def _show_tracks(tracks: Mapping[str, Any], console: Console) -> None:
    lat, lon, height, speed = (tracks[name] for name in ("lat_deg", "lon_deg", "height_m", "speed_m_s"))
    console.print(
        f"[bold]{tracks['tracks']:,} tracks[/] of node {_safe(tracks['node'])} in {tracks['rows']:,} rows, "
        f"{tracks['at_once_max']:,} at once at most, {_figure(tracks['duration_s_median'])} s long (median)\n"
        f"  {tracks['from']} to {tracks['to']}\n"
        f"  {_figure(lat[0])} to {_figure(lat[1])} N, {_figure(lon[0])} to {_figure(lon[1])} E, "
        f"height {_figure(height[0])} to {_figure(height[2])} m, speed {_figure(speed[1])} m/s (median)"
    )


def _sensor_table(sensors: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("sensor", "type", "look every", "plots", "used", "unused", "refused"):
        table.add_column(name, justify="left" if name in ("sensor", "type", "refused") else "right")
    for row in sensors:
        period = row["scan_period_s"]
        table.add_row(
            _safe(row["sensor"]),
            row["type"],
            f"{period:g} s" if period else "",
            f"{row['plots']:,}",
            f"{row['used']:,}",
            f"{row['unused']:,}",
            ", ".join(f"{n:,} {reason.lower().replace('_', ' ')}" for reason, n in row["refused"].items()),
        )
    return table


def _registration_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="biases of the radars at the end, taken out")
    for name in ("sensor", "range [m]", "azimuth [deg]", "elevation [deg]", "clock [s]"):
        table.add_column(escape(name), justify="left" if name == "sensor" else "right")
    for row in rows:
        cells = [_safe(row["sensor"])]
        for key in BIASES:
            bias, sigma = row["bias"][key], row["sigma"][key]
            scale, digits = (180 / math.pi, 4) if key.endswith("_rad") else (1.0, 1 if key.endswith("_m") else 3)
            known = bias is not None and sigma is not None
            cells.append(f"{bias * scale:.{digits}f} ± {sigma * scale:.{digits}f}" if known else "unknown")
        table.add_row(*cells)
    return table


def _residual_table(residuals: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="plots against position reports")
    for name in ("sensor", "component", "n", "bias", "sigma"):
        table.add_column(name, justify="left" if name in ("sensor", "component") else "right")
    for row in residuals:
        scale, unit = (180 / math.pi, "deg") if row["component"].endswith("_rad") else (1.0, "")
        name = row["component"].removesuffix("_rad") + f" [{unit}]" if unit else row["component"]
        table.add_row(
            _safe(row["sensor"]),
            escape(name),
            f"{row['n']:,}",
            f"{row['bias'] * scale:.3f}",
            f"{row['sigma'] * scale:.3f}",
        )
    return table
