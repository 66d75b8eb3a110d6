"""What the categories have in common on their way into records: sources, counts, detections, service messages."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded
from noroshi.formats.asterix.layout import ABSENT
from noroshi.formats.asterix.table import Table
from noroshi.formats.reading import Grounded
from noroshi.records import Detections, Identity, Quality, SensorSite, Status, take


class Category(Protocol):
    """The contract of a category's module: what it wants of each record and what it makes of it.

    Attributes:
        CATEGORY: its number.
        TIMES: the fields that say when; a record's first one counts.
        PATHS: all fields it wants, of all editions together.
    """

    CATEGORY: int
    TIMES: tuple[str, ...]
    PATHS: tuple[str, ...]

    def convert(self, table: Table, reports: "Reports") -> None:
        """Add what the records say to `reports`, each record to exactly one count or damage."""
        ...


class Reports:
    """Gathers what the categories of one recording say.

    Attributes:
        decoded: the result so far.
        context: what the recording leaves out.
    """

    def __init__(self, context: Context, grounded: Grounded | None = None) -> None:
        """Begin with nothing, or in a stream with the heights that aircraft said before."""
        self.context = context
        self._grounded = grounded or Grounded()
        self.decoded = Decoded()
        self._sites: dict[str, SensorSite] = {}

    def count(self, table: Table, what: str, rows: NDArray[np.bool_]) -> None:
        """Count records by what they are; those that only an older edition fits are counted under that."""
        for number, n in enumerate(np.bincount(table.edition[rows], minlength=1).tolist()):
            if n:
                major, minor = table.specification.editions[number].number
                older = f", edition {major}.{minor}" if number else ""
                self.decoded.counts[f"category {table.category:03d} {what}{older}"] += n

    def damaged(self, table: Table, why: str, rows: NDArray[np.bool_]) -> None:
        """Count records that are of no use."""
        if rows.any():
            self.decoded.damage[f"category {table.category:03d}: {why}"] += int(rows.sum())

    def site(self, source: int, kind: str, position: tuple[float, float, float] | None = None) -> str:
        """Note a sensor of this type (lat_rad, lon_rad, height_m) and return its name.

        The name is "SAC/SIC". A source that gives plots and position reports is two sensors; the second one's name has
        its type added.
        """
        name = source_name(source)
        if name in self._sites and self._sites[name].type != kind:
            name = f"{name} {kind}"
        if position is not None:
            lat_rad, lon_rad, height_m = position
            site = SensorSite(sensor=name, type=kind, lat_rad=lat_rad, lon_rad=lon_rad, height_m=height_m)
            self._sites[name] = site
        self._sites.setdefault(name, SensorSite(sensor=name, type=kind))
        return name

    def add_detections(
        self,
        table: Table,
        kind: str,
        values: Mapping[str, NDArray[np.float64]],
        identity: Identity,
        rows: NDArray[np.bool_],
        grounded: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add target reports, a batch for each source.

        Args:
            table: their records.
            kind: type of the sensors.
            values: component -> (n,) measurements; the first two are the position.
            identity: (n,) who the targets say they are.
            rows: (n,) which records are such reports.
            grounded: (n,) which position reports say that they are of aircraft on the ground; see `Grounded`.
        """
        components = tuple(values)
        measured = np.stack([values[name] for name in components], axis=1)
        sigmas = np.full(measured.shape, np.nan)
        if grounded is not None:
            sigmas = self._grounded.heed(measured, grounded, table.time_ns, identity.icao_address)
        quality = np.where(table.is_timed, Quality.GOOD, Quality.BAD_TIME).astype(np.uint8)
        quality[np.isnan(measured[:, :2]).any(axis=1)] = Quality.NO_POSITION
        for source, own in by_source(table, rows):
            received_ns = int(table.received_ns[own].max())
            detections = Detections.of(
                sensor=self.site(source, kind),
                components=components,
                time_ns=table.time_ns[own],
                values=measured[own],
                sigmas=sigmas[own],
                identity=take(identity, own),
                received_ns=self.context.received_ns if received_ns == ABSENT else received_ns,
            )
            self.decoded.detections.append(detections.replace(quality=quality[own]))

    def add_statuses(
        self, table: Table, subject: NDArray[np.str_], value: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> None:
        """Add service messages; those without a time are damaged."""
        rows = rows & table.is_timed
        if rows.any():
            self.decoded.statuses.append(
                Status(
                    time_ns=table.time_ns[rows],
                    source=source_names(table.source[rows]),
                    subject=subject[rows],
                    value=value[rows],
                )
            )

    def add_messages(
        self, table: Table, subjects: Mapping[int, str], value: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> None:
        """Add and count service messages; their type (item 000) says what they speak of."""
        kind = table.raw("000")
        subject = np.full(len(table), "service message", "<U32")
        for number, words in subjects.items():
            subject[kind == number] = words
        self.count(table, "service message", rows & table.is_timed)
        self.damaged(table, "no time of day", rows & ~table.is_timed)
        self.add_statuses(table, subject, value, rows)

    def add_antenna(self, table: Table, subjects: Mapping[int, str], *, azimuth: str, rotation: str) -> None:
        """Add the service messages of a radar: its type, and how long its antenna takes for a rotation."""
        self.add_messages(table, subjects, table.quantity(azimuth), np.ones(len(table), np.bool_))
        period_s = table.quantity(rotation)
        self.add_statuses(table, np.full(len(table), "antenna rotation [s]"), period_s, ~np.isnan(period_s))
        for source in np.unique(table.source).tolist():
            self.site(source, "search_radar")

    def finish(self) -> Decoded:
        """Return the result."""
        self.decoded.sites.extend(self._sites[name] for name in sorted(self._sites))
        return self.decoded


def by_source(table: Table, rows: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each source of the chosen records, in order of its number, with the places of its records."""
    source = table.source
    chosen = np.flatnonzero(rows)
    order = chosen[np.argsort(source[chosen], kind="stable")]
    for own in np.split(order, np.flatnonzero(np.diff(source[order])) + 1):
        if len(own):
            yield int(source[own[0]]), own


def source_name(source: int) -> str:
    """Return "SAC/SIC" with three decimal digits each."""
    return f"{source >> 8:03d}/{source & 255:03d}"


def source_names(sources: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return (n,) names of (n,) sources."""
    known, which = np.unique(sources, return_inverse=True)
    return np.array([source_name(source) for source in known.tolist()], "<U7")[which]


def identity_of(
    n: int,
    *,
    icao_address: NDArray[np.int64] | None = None,
    mode_3a: NDArray[np.int64] | None = None,
    call_sign: NDArray[np.str_] | None = None,
) -> Identity:
    """Return n identities; what is not given is absent."""
    absent = Identity.absent(n)
    return absent.replace(
        icao_address=absent.icao_address if icao_address is None else icao_address,
        mode_3a=absent.mode_3a if mode_3a is None else mode_3a,
        call_sign=absent.call_sign if call_sign is None else call_sign,
    )
