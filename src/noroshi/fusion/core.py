"""Many nations' contributions to one picture: a deterministic fold in the order of time, owner and number.

Of rows of one track and time the last in the order of feed, number in it and row counts: it is the corrected one.

Messages may come in any order and late. Contributions are kept until what they belong to is older than the window; one
that comes late takes the fold back to a copy of what was held before it and runs again from there, so that the same
messages give the same bytes in whatever order they came. What is later than the window is carried on to the oldest time
that is still open, used there and counted.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion import registration
from noroshi.fusion.association import OWNERS_MAX, associate, begin_anew, beside_founders, where
from noroshi.fusion.fold import CROWDED, N_BIAS, N_COUNTS, REPLACED, STALE, UNEXPLAINED, UNFIT, fold, in_order, silent
from noroshi.fusion.settings import SELF_REPORT, Settings
from noroshi.fusion.table import (
    COARSE,
    N_SAID,
    N_TOLD,
    NOBODY,
    OF_CONTRIBUTORS,
    OF_FUSED,
    REPORTED,
    SELF_FED,
    SELF_ONLY,
    Fused,
    Rows,
    Table,
    Whole,
    full,
    is_falling,
    is_usable,
    lower,
    rows_of,
)
from noroshi.fusion.telling import FIELDS, Members
from noroshi.fusion.tracklets import Integers, carried
from noroshi.geo.time import NS_PER_S
from noroshi.records import Tracks, TrackStatus
from noroshi.records.identity import ABSENT
from noroshi.records.known import Known, question

Key = tuple[str, str, int]
NUMBER_BITS = 53  # exact in a double
FORGOTTEN = "forgotten "
OWNERS = "owners"
CROWDS = "rows beyond the limit"
COUNTED = {
    REPLACED: "replaced rows",
    STALE: "stale rows",
    UNEXPLAINED: "jumps",
    UNFIT: "unusable rows",
    CROWDED: CROWDS,
}
NO_ROWS = Rows(np.zeros((0, 6)), np.zeros((0, 21)), np.zeros((0, N_SAID)), np.zeros((0, N_TOLD), np.int64))


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which contributions fused tracks rest on, one row a contribution.

    Attributes:
        track_id: (n,) number of the fused track.
        owner: (n,) whose contribution.
        contribution: (n,) its number, as its reader holds it.
        is_counted: (n,) whether its last row is in the fused state.
    """

    track_id: NDArray[np.uint64]
    owner: NDArray[np.str_]
    contribution: NDArray[np.uint64]
    is_counted: NDArray[np.bool_]


class Fusion:
    """Fuses contributions; it knows no clock: pictures are asked for by their time.

    Args:
        node: whose picture it is; it names the picture and has no part in what is in it.
        settings: see there.
        known: what folds gave, of this fusion and of others that ask the same; None remembers nothing.
    """

    def __init__(self, node: str, settings: Settings | None = None, known: Known | None = None) -> None:
        self.node = node
        self.settings = settings or Settings()
        self._known = known
        self._folds_by = repr(replace(self.settings, sensor_types={}, types=())).encode()
        self.counts: Counter[str] = Counter()
        self._step_ns = round(self.settings.step_s * NS_PER_S)
        self._window = -(-round(self.settings.window_s * NS_PER_S) // self._step_ns)
        self._owner_names: set[str] = set()
        self._chunks: dict[int, dict[Key, Rows]] = {}
        self._table = Table.empty()
        self._done: int | None = None  # the last step that is folded into the table
        self._base: int | None = None  # steps up to here are closed
        self._held: dict[int, Table] = {}
        self._spare: Table | None = None  # whose memory may be written to; a closed one may still be written down

    # What comes in.

    def receive(self, contributions: Tracks, *, owner: str, feed: str, seq: int, coarse: bool) -> None:
        """Take in the rows of one message; those with status LOST end their track.

        Args:
            contributions: own-sensor tracks of one owner; fused products never are.
            owner: the nation that made them.
            feed: the sender's stream that the message came in.
            seq: its number in that stream.
            coarse: whether the release rules coarsened it or made its covariance round; also if its lineage is unknown.

        Raises:
            ValueError: if there are more owners than one fusion can hold.
        """
        self._owner_names.add(owner)
        if len(self._owner_names) > OWNERS_MAX:
            raise ValueError(f"{owner} would be the {len(self._owner_names)}th owner; one fusion holds {OWNERS_MAX}")
        fine = is_usable(contributions)
        rows = rows_of(contributions, self._flags(contributions, coarse))
        if not fine.all():
            self.counts["unusable rows"] += int((~fine).sum())
            rows = rows.take(fine)
        self._take_in(rows, (owner, feed, seq))

    def forget(self, owner: str, track_ids: NDArray[np.uint64], time_ns: int) -> None:
        """End contributions that their owner has taken back; what they told until then stays in the fused states."""
        n = len(track_ids)
        whole = np.zeros((n, N_TOLD), np.int64)
        whole[:, Whole.ID] = np.asarray(track_ids, np.uint64).view(np.int64)
        whole[:, Whole.TIME], whole[:, Whole.UPDATED], whole[:, Whole.STATUS] = time_ns, time_ns, TrackStatus.LOST
        name = FORGOTTEN + hashlib.sha256(whole.tobytes()).hexdigest()
        self._take_in(Rows(np.zeros((n, 6)), np.zeros((n, 21)), np.zeros((n, N_SAID)), whole), (owner, name, time_ns))

    def _flags(self, tracks: Tracks, coarse: bool) -> Integers:
        """Return (n,) flags: of what kind the sources are, by name, by type, or by what a target without any may be."""
        of = self.settings.sensor_types
        by_self = np.array([of.get(name, name) == SELF_REPORT for name in tracks.source_names], np.bool_)
        unknown = np.array(
            [name not in of and name not in self.settings.types for name in tracks.source_names], np.bool_
        )
        named = (tracks.identity.icao_address != ABSENT) | (tracks.identity.mmsi != ABSENT)
        fed_by_self = tracks.sources[:, by_self].any(axis=1)
        doubtful = named & (tracks.sources[:, unknown].any(axis=1) | ~tracks.sources.any(axis=1))
        only = fed_by_self & ~tracks.sources[:, ~by_self].any(axis=1)
        flags = np.where(fed_by_self | doubtful, SELF_FED, 0) | np.where(only, SELF_ONLY, 0)
        flags |= np.where(only | (fed_by_self & tracks.reported), REPORTED, 0)
        return np.asarray(flags | (COARSE if coarse else 0), np.int64)

    def _take_in(self, rows: Rows, key: Key) -> None:
        whole = rows.whole
        lost = whole[:, Whole.STATUS] == TrackStatus.LOST
        if (
            lost.any()
        ):  # a last row has the time of the last plot, and was known to be the last when the message was made
            whole[lost, Whole.TIME] = whole[:, Whole.TIME].max()
        if self._base is not None:
            rows = self._bring_into_window(rows)
        steps = -(-rows.whole[:, Whole.TIME] // self._step_ns)
        for step in np.unique(steps).tolist():
            mine = self._chunks.setdefault(step, {})
            if key in mine:
                self.counts["messages twice"] += 1
                continue
            mine[key] = rows if (steps == step).all() else rows.take(steps == step)
            if self._done is not None and step <= self._done:
                self._go_back(step)

    def _bring_into_window(self, rows: Rows) -> Rows:
        """Carry on what is older than the window to the oldest open time, and count it."""
        open_ns = (self._base or 0) * self._step_ns + 1
        late = np.flatnonzero(rows.whole[:, Whole.TIME] < open_ns)
        if not len(late):
            return rows
        self.counts["late rows"] += len(late)
        state, covariance, whole = rows.state.copy(), rows.covariance.copy(), rows.whole.copy()
        dt_s = (open_ns - whole[late, Whole.TIME]) / NS_PER_S
        density = np.full(len(late), max(self.settings.density_m2_s3.values(), default=0.0))
        before = full(covariance[late])
        ahead, spread = carried(state[late], before, dt_s, is_falling(rows.said[late]), np.zeros(len(late)), density)
        goes_on = (whole[late, Whole.STATUS] != TrackStatus.LOST)[:, None]
        state[late] = np.where(goes_on, ahead, state[late])
        covariance[late] = np.where(goes_on, lower(spread), covariance[late])
        whole[late, Whole.UPDATED] = np.minimum(whole[late, Whole.UPDATED], whole[late, Whole.TIME])
        whole[late, Whole.TIME] = open_ns
        return Rows(state, covariance, rows.said, whole)

    # What goes out.

    def picture(self, time_ns: int, *, is_early: bool = False) -> Tracks:
        """Return all fused tracks as they are expected at a time, from what holds until then.

        Args:
            time_ns: the time.
            is_early: partners' word of this time is still to come: no step ends, so that none has to be folded again
                when that comes; new contributors are tracks of their own until then.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, owners = self._at(time_ns, is_early=is_early)
        if self._known is None:
            return self._picture(table, owners, time_ns)
        asked = question(table.came_of, b"picture", time_ns)
        known: Tracks | None = self._known.get(asked)
        if known is None:
            known = self._picture(table, owners, time_ns)
            self._known.put(asked, known)
        return known if known.node == self.node else known.replace(node=self.node)

    def _picture(self, table: Table, owners: Sequence[str], time_ns: int) -> Tracks:
        tracks = table.alive()
        tracks = tracks[np.argsort(table.fused[tracks, Fused.NUMBER].view(np.uint64), kind="stable")]
        n, members, columns = len(tracks), Members(table, tracks), np.argsort(owners, kind="stable")
        mean, spread = table.of_tracks(time_ns, tracks)
        spread[:, :3, :3] += registration.left_over(table, tracks, mean)
        return Tracks(
            node=self.node,
            source_names=tuple(np.array(owners, np.str_)[columns].tolist()),
            track_id=table.fused[tracks, Fused.NUMBER].view(np.uint64),
            time_ns=np.full(n, time_ns, np.int64),
            updated_ns=members.updated_ns(),
            revision=np.zeros(n, np.int32),
            state_ecef=mean,
            covariance_ecef=spread,
            existence=members.existence(),
            kind_probability=members.kinds(),
            status=members.status(),
            sources=members.sources(len(owners))[:, columns],
            identity=members.identity()[0],
        )

    def conflicts(self, time_ns: int) -> dict[str, NDArray[np.uint64]]:
        """Return the numbers of the fused tracks of whose identity contributors differ, by field.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, _ = self._at(time_ns)
        tracks = table.alive()
        differ = Members(table, tracks).identity()[1]
        numbers = table.fused[tracks, Fused.NUMBER].view(np.uint64)
        return {name: np.sort(numbers[differ[:, i]]) for i, name in enumerate(FIELDS)}

    def lineage(self, time_ns: int) -> Lineage:
        """Return which contributions the fused tracks of a picture rest on.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, owners = self._at(time_ns)
        held = table.whole[table.members()]
        return Lineage(
            table.fused[held[:, Whole.TRACK], Fused.NUMBER].view(np.uint64),
            np.array(owners, np.str_)[held[:, Whole.OWNER]],
            held[:, Whole.ID].view(np.uint64),
            held[:, Whole.IS_IN] == 1,
        )

    def biases(self, time_ns: int) -> registration.Biases:
        """Return by how much owners are displaced, as far as their contributions tell.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, owners = self._at(time_ns)
        n, d = len(owners), registration.N
        mean, covariance, taken = np.zeros(n * d), np.zeros((n * d, n * d)), np.zeros(n * d)
        centres = np.full((n, 3), np.nan)
        if registration.INFORMATION in table.extra:
            found, spread = registration.estimate(table)
            mean[: len(found)], covariance[: len(found), : len(found)] = found, spread
            centres[: len(found) // d] = table.extra[registration.CENTRES]
            applied = table.extra.get(registration.APPLIED, np.zeros(0))
            taken[: len(applied)] = applied
        return registration.Biases(
            owners=owners, centre_ecef_m=centres, found=mean.reshape(n, d), covariance=covariance,
            taken_out=taken.reshape(n, d),
        )  # fmt: skip

    # The fold.

    def _at(self, time_ns: int, *, is_early: bool = False) -> tuple[Table, tuple[str, ...]]:
        """Return what holds at a time, not to be changed, and the owners."""
        step = time_ns // self._step_ns
        done = -1 if self._done is None else self._done
        if is_early and done < step:
            table = self._table
            for each in sorted(s for s in self._chunks if done < s <= step):
                table = self._folded(table, self._chunks[each], each, each * self._step_ns, is_whole=False)
        elif self._done is not None and step < self._done:
            before = self._before(step + 1)
            if before is None:
                raise ValueError(f"a picture of {time_ns} ns is older than the window of {self.settings.window_s} s")
            start, table = before
            for each in sorted(s for s in self._chunks if start < s <= step):
                table = self._folded(table, self._chunks[each], each, each * self._step_ns)
        else:
            self._advance(step)
            table = self._table
        now = {key: rows.whole[:, Whole.TIME] <= time_ns for key, rows in self._chunks.get(step + 1, {}).items()}
        until = {key: self._chunks[step + 1][key].take(mine) for key, mine in now.items() if mine.any()}
        if until or len(silent(table, time_ns, *self._silence())):
            table = self._folded(table, until, step + 1, time_ns, is_whole=False)
        return table, self._owners(table)

    def _advance(self, step: int) -> None:
        """Fold all steps up to this one into the table."""
        start = self._done
        if start is None:
            if not self._chunks:
                return
            start = min(self._chunks) - 1
        for each in sorted(s for s in self._chunks if start < s <= step):
            self._table = self._folded(self._table, self._chunks[each], each, each * self._step_ns, is_counted=True)
            self._done = each
            self._hold(each)

    def _hold(self, step: int) -> None:
        """Keep the table, and of the older ones ever fewer the older they are; close what is too old."""
        self._held[step] = self._table
        newest_closed = step - self._window
        newest = newest_closed if self._base is None else max(newest_closed, self._base)  # less after it went back
        for each in sorted(self._held):
            lowest_bit = each & -each
            if newest < each < step and step - each >= 4 * lowest_bit:
                dropped = self._held.pop(each)
                self._spare = dropped if self._known is None else None
        closed = [each for each in self._held if each <= newest_closed]
        if closed:
            self._base = max(closed)
            for each in closed:
                if each < self._base:
                    del self._held[each]
            for each in [s for s in self._chunks if s <= self._base]:
                del self._chunks[each]

    def _before(self, step: int) -> tuple[int, Table] | None:
        """Return the latest table without a step and what follows it; the empty one before the first."""
        held = [each for each in self._held if each < step]
        if held:
            return max(held), self._held[max(held)]
        return (min(self._chunks) - 1, Table.empty()) if self._base is None and self._chunks else None

    def _go_back(self, step: int) -> None:
        """Take the fold back to before a step."""
        self.counts["times taken back"] += 1
        before = self._before(step)
        assert before is not None  # closed steps are never gone back to
        self._done, self._table = before
        for each in [s for s in self._held if s > before[0]]:
            del self._held[each]

    def _folded(
        self,
        table: Table,
        chunks: dict[Key, Rows],
        step: int,
        time_ns: int,
        *,
        is_whole: bool = True,
        is_counted: bool = False,
    ) -> Table:
        """Return the table after the chunks of one step; tracks are joined and owners registered where it ends.

        Nothing is ever written to a table that was returned.
        """
        keys = sorted(chunks)
        owners = list(self._owners(table))
        owners += sorted({key[0] for key in keys} - set(owners))
        rows, owner_of = _joined([chunks[key] for key in keys], [owners.index(key[0]) for key in keys])
        order = in_order(rows, owner_of)
        known: tuple[Table, Integers] | None = None
        came_of = b""
        if self._known is not None:  # rows in order are the same however they were cut into messages
            rows, owner_of, order = rows.take(order), owner_of[order], np.arange(len(order))
            columns = (rows.state, rows.covariance, rows.said, rows.whole)
            came_of = question(
                table.came_of, self._folds_by, step, time_ns, is_whole, " ".join(owners), owner_of, *columns
            )
            known = self._known.get(came_of)
        if known is None:
            known = self._fold(table, rows, owner_of, order, owners, step, time_ns, is_whole=is_whole)
            known[0].came_of = came_of
            if self._known is not None:
                self._known.put(came_of, known)
        if is_counted:
            counts = known[1]
            for i, name in COUNTED.items():
                self.counts[name] += int(counts[i])
            for owner, n in zip(owners, counts[N_COUNTS:].tolist(), strict=False):
                if n:
                    self.counts[f"{CROWDS} of {owner}"] += n
        return known[0]

    def _fold(
        self, before: Table, rows: Rows, owner_of: Integers, order: Integers, owners: list[str], step: int,
        time_ns: int, *, is_whole: bool,
    ) -> tuple[Table, Integers]:  # fmt: skip
        """Return what a table is after some rows, and what `fold` counts."""
        table, self._spare = before.copy(self._spare), None
        table.extra[OWNERS] = np.array(owners, np.str_)
        bias = registration.biases(table, len(owners))
        counts = np.zeros(N_COUNTS + len(bias), np.int64)
        if len(owner_of):
            least = self.settings.density_m2_s3
            density = np.array([least.get(owner, least.get("", 0.0)) for owner in owners], np.float64)[owner_of]
            coarse = rows.whole[:, Whole.FLAGS] & COARSE != 0
            density = np.where(coarse, np.maximum(density, self.settings.coarse_density_m2_s3), density)
            limits = self.settings.place_max, self.settings.owner_max
            counts = fold(table, rows, owner_of, order, density, bias, limits)
        for row in silent(table, time_ns, *self._silence()).tolist():
            table.leave(row)
        if is_whole:
            associate(table, time_ns, step, self.settings.rules, bias)
            self._register(table, time_ns, step, len(owners))
        self._number(table, owners)
        table.compact()
        return table, counts

    def _register(self, table: Table, time_ns: int, step: int, n_owners: int) -> None:
        """Learn of owners' biases from contributors of one target; begin anew what is displaced otherwise now."""
        rules = self.settings.registering
        if rules is None or n_owners < 2:
            return
        rows, others = beside_founders(table, step, rules.period_steps)
        if len(rows):
            none = np.zeros((n_owners + 1, N_BIAS))
            own, other = where(table, rows, time_ns, none), where(table, others, time_ns, none)
            registration.learn(table, rows, others, own, other, time_ns, n_owners)
        changed = registration.apply(table, n_owners, rules)
        if changed is not None:
            held = table.whole[table.members()]
            tracks = np.unique(held[changed[held[:, Whole.OWNER]], Whole.TRACK])
            begin_anew(table, tracks, registration.biases(table, n_owners))

    def _silence(self) -> tuple[int, int]:
        return round(self.settings.silent_s * NS_PER_S), round(self.settings.coarse_silent_s * NS_PER_S)

    @staticmethod
    def _owners(table: Table) -> tuple[str, ...]:
        owners = table.extra.get(OWNERS)
        return () if owners is None else tuple(owners.tolist())

    def _number(self, table: Table, owners: Sequence[str]) -> None:
        """Give numbers to fused tracks that have none: a keyed hash of the founding contribution."""
        tracks = table.alive()
        new = tracks[table.fused[tracks, Fused.NUMBER] == NOBODY]
        if not len(new):
            return
        founders = table.whole[table.fused[new, Fused.FOUNDER]]
        taken = set(table.fused[tracks, Fused.NUMBER].tolist())
        for track, owner, name in zip(
            new.tolist(), founders[:, Whole.OWNER].tolist(), founders[:, Whole.ID].tolist(), strict=True
        ):
            number = number_of(owners[owner], name, self.settings.key)
            while number in taken:  # its founder has come back under a name whose track goes on without it
                number += 1
            taken.add(number)
            table.fused[track, Fused.NUMBER] = number

    # What a restart needs.

    def checkpoint(self) -> list[dict[str, NDArray[Any]]]:
        """Return everything it knows as named arrays (`formats.columns.pack_arrays`), for `resume`.

        First what is closed, then each chunk of the window. Nothing is copied, and nothing in it changes later, so that
        whoever writes it down may take his time.
        """
        base = Table.empty() if self._base is None else self._held[self._base]
        names, counts = sorted(self.counts), self.counts
        first = {
            **base.views(),
            **{f"extra {name}": array for name, array in base.extra.items()},
            "base": np.array([] if self._base is None else [self._base], np.int64),
            "counted": np.array(names, np.str_),
            "count": np.array([counts[name] for name in names], np.int64),
        }
        return [first, *(
            {
                "step": np.array(step), "owner": np.array(key[0]), "feed": np.array(key[1]), "seq": np.array(key[2]),
                **{name: getattr(rows, name) for name in Rows.__slots__},
            }
            for step, chunks in sorted(self._chunks.items())
            for key, rows in sorted(chunks.items(), key=lambda item: item[0])
        )]  # fmt: skip

    def resume(self, memory: Iterable[dict[str, NDArray[Any]]]) -> None:
        """Become the fusion of the same settings that gave this checkpoint.

        Raises:
            ValueError: if these are not the arrays of one.
        """
        try:
            first, *rest = memory
            extra = {name.removeprefix("extra "): array for name, array in first.items() if name.startswith("extra ")}
            table = Table.of({name: first[name].copy() for name in (*OF_CONTRIBUTORS, *OF_FUSED)}, extra)
            chunks = dict[int, dict[Key, Rows]]()
            for part in rest:
                step, owner, feed, seq = (part[name].item() for name in ("step", "owner", "feed", "seq"))
                chunks.setdefault(step, {})[owner, feed, seq] = Rows(*(part[name] for name in Rows.__slots__))
            counts = dict(zip(first["counted"].tolist(), first["count"].tolist(), strict=True))
            base = first["base"].tolist()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a checkpoint of a fusion: {error}") from error
        self._chunks, self.counts = chunks, Counter(counts)
        self._base = self._done = base[0] if base else None
        table.came_of = question(b"resumed", *table.views().values(), *extra.values())
        self._held = {base[0]: table} if base else {}
        self._table = table
        self._owner_names = {*self._owners(table), *(key[0] for each in chunks.values() for key in each)}


def _joined(parts: Sequence[Rows], owners: Sequence[int]) -> tuple[Rows, Integers]:
    """Return the rows of all parts, one after the other, and whose each is."""
    if not parts:
        return NO_ROWS, np.zeros(0, np.int64)
    rows = parts[0]
    if len(parts) > 1:
        names = ("state", "covariance", "said", "whole")
        rows = Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return rows, np.repeat(np.array(owners, np.int64), [len(part.whole) for part in parts])


def number_of(owner: str, contribution: int, key: bytes = b"") -> int:
    """Return the system track number of a track that this contribution founded.

    It hangs on nothing but the contribution as its reader holds it, so that readers who hold the same see the same, and
    a number betrays nothing that is withheld.
    """
    text = owner.encode() + b"|" + (contribution & (2**64 - 1)).to_bytes(8, "big")
    digest = hashlib.blake2b(text, digest_size=8, key=hashlib.sha256(key).digest() if key else b"").digest()
    return int.from_bytes(digest, "big") >> (64 - NUMBER_BITS)
