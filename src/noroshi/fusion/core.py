"""Many nations' contributions to one picture: a deterministic fold in the order of time, owner, feed, number and row.

Messages may come in any order and late. Contributions are kept until what they belong to is older than the window; one
that comes late takes the fold back to a copy of what was held before it and runs again from there, so that the same
messages give the same bytes in whatever order they came. What is later than the window is carried on to the oldest time
that is still open, used there and counted.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion.association import OWNERS_MAX, associate
from noroshi.fusion.fold import N_BIAS, absorb, enter, fall_silent
from noroshi.fusion.settings import SELF_REPORT, Settings
from noroshi.fusion.table import (
    COARSE,
    N_REAL,
    N_WHOLE,
    NOBODY,
    SELF_FED,
    SELF_ONLY,
    Fused,
    Real,
    Table,
    Whole,
    contributions_of,
    is_usable,
)
from noroshi.fusion.telling import N_KINDS, tell
from noroshi.fusion.tracklets import Floats, Integers, add_noise, carry_on
from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import Identity, Tracks, TrackStatus
from noroshi.records.identity import ABSENT, call_signs_of

Key = tuple[str, str, int]
NUMBER_BITS = 53  # exact in a double
FORGOTTEN = "forgotten "
OWNERS, BIAS = "owners", "bias"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The rows of one message that fall into one step."""

    real: Floats
    whole: Integers


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
    """

    def __init__(self, node: str, settings: Settings | None = None) -> None:
        self.node = node
        self.settings = settings or Settings()
        self.counts: Counter[str] = Counter()
        self._step_ns = round(self.settings.step_s * NS_PER_S)
        self._window = -(-round(self.settings.window_s * NS_PER_S) // self._step_ns)
        self._chunks: dict[int, dict[Key, Chunk]] = {}
        self._table = Table.empty()
        self._done: int | None = None  # the last step that is folded into the table
        self._base: int | None = None  # steps up to here are closed
        self._held: dict[int, Table] = {}

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
        fine = is_usable(contributions)
        self.counts["unusable rows"] += int((~fine).sum())
        real, whole = contributions_of(contributions, self._flags(contributions, coarse))
        self._take_in(real[fine], whole[fine], (owner, feed, seq))

    def forget(self, owner: str, track_ids: NDArray[np.uint64], time_ns: int) -> None:
        """End contributions that their owner has taken back; what they told until then stays in the fused states."""
        whole = np.zeros((len(track_ids), N_WHOLE), np.int64)
        whole[:, Whole.ID] = np.asarray(track_ids, np.uint64).view(np.int64)
        whole[:, Whole.TIME], whole[:, Whole.UPDATED], whole[:, Whole.STATUS] = time_ns, time_ns, TrackStatus.LOST
        name = FORGOTTEN + hashlib.sha256(whole.tobytes()).hexdigest()
        self._take_in(np.zeros((len(track_ids), N_REAL)), whole, (owner, name, time_ns))

    def _flags(self, tracks: Tracks, coarse: bool) -> Integers:
        """Return (n,) flags: of what kind the sources are, by name, by type, or by what a target without any may be."""
        types = [self.settings.sensor_types.get(name, name) for name in tracks.source_names]
        known = set(self.settings.sensor_types.values()) | {SELF_REPORT}
        by_self = np.array([kind == SELF_REPORT for kind in types], np.bool_)
        unknown = np.array([kind not in known and "_" not in kind for kind in types], np.bool_)
        named = (tracks.identity.icao_address != ABSENT) | (tracks.identity.mmsi != ABSENT)
        fed_by_self = tracks.sources[:, by_self].any(axis=1)
        doubtful = named & (tracks.sources[:, unknown].any(axis=1) | ~tracks.sources.any(axis=1))
        only = fed_by_self & ~tracks.sources[:, ~by_self].any(axis=1)
        flags = np.where(fed_by_self | doubtful, SELF_FED, 0) | np.where(only, SELF_ONLY, 0)
        return np.asarray(flags | (COARSE if coarse else 0), np.int64)

    def _take_in(self, real: Floats, whole: Integers, key: Key) -> None:
        lost = whole[:, Whole.STATUS] == TrackStatus.LOST
        if (
            lost.any()
        ):  # a last row has the time of the last plot; that it is the last was known when the message was made
            whole[lost, Whole.TIME] = whole[:, Whole.TIME].max()
        if self._base is not None and len(whole):
            real, whole = self._bring_into_window(real, whole)
        steps = -(-whole[:, Whole.TIME] // self._step_ns)
        for step in np.unique(steps).tolist():
            mine = self._chunks.setdefault(step, {})
            if key in mine:
                self.counts["messages twice"] += 1
                continue
            rows = slice(None) if (steps == step).all() else steps == step
            mine[key] = Chunk(real[rows], whole[rows])
            if self._done is not None and step <= self._done:
                self._go_back(step)

    def _bring_into_window(self, real: Floats, whole: Integers) -> tuple[Floats, Integers]:
        """Carry on what is older than the window to the oldest open time, and count it."""
        open_ns = (self._base or 0) * self._step_ns + 1
        late = np.flatnonzero(whole[:, Whole.TIME] < open_ns)
        if not len(late):
            return real, whole
        self.counts["late rows"] += len(late)
        real, whole = real.copy(), whole.copy()
        dt_s = (open_ns - whole[late, Whole.TIME]) / NS_PER_S
        carried = real[late]
        _carry(carried, dt_s, max(self.settings.density_m2_s3.values(), default=0.0))
        real[late] = carried
        whole[late, Whole.UPDATED] = np.minimum(whole[late, Whole.UPDATED], whole[late, Whole.TIME])
        whole[late, Whole.TIME] = open_ns
        return real, whole

    # What goes out.

    def picture(self, time_ns: int) -> Tracks:
        """Return all fused tracks as they are expected at a time, from what holds until then.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, owners = self._at(time_ns)
        tracks = table.alive()
        tracks = tracks[np.argsort(table.fused[tracks, Fused.NUMBER].view(np.uint64), kind="stable")]
        n = len(tracks)
        mean, spread, existence, kinds = np.empty((n, 6)), np.empty((n, 6, 6)), np.empty(n), np.empty((n, N_KINDS))
        updated_ns, status, codes = np.zeros(n, np.int64), np.zeros(n, np.uint8), np.empty((n, 3), np.int64)
        sources, words, disagree = np.zeros((n, len(owners)), np.bool_), np.empty((n, 3), np.int64), self._disagree(n)
        tell(
            tracks, time_ns, table.real, table.whole, table.fused_real, table.fused, mean, spread, updated_ns, status,
            existence, kinds, sources, codes, words, disagree,
        )  # fmt: skip
        columns = np.argsort(owners, kind="stable")
        return Tracks(
            node=self.node,
            source_names=tuple(np.array(owners, np.str_)[columns].tolist()),
            track_id=table.fused[tracks, Fused.NUMBER].view(np.uint64),
            time_ns=np.full(n, time_ns, np.int64),
            updated_ns=updated_ns,
            revision=np.zeros(n, np.int32),
            state_ecef=mean,
            covariance_ecef=spread,
            existence=existence,
            kind_probability=kinds,
            status=status,
            sources=sources[:, columns],
            identity=Identity(icao_address=codes[:, 0].copy(), mode_3a=codes[:, 1].copy(), mmsi=codes[:, 2].copy(),
                              call_sign=call_signs_of(words)),
        )  # fmt: skip

    @staticmethod
    def _disagree(n: int) -> NDArray[np.uint8]:
        return np.zeros((n, 4), np.uint8)

    def lineage(self, time_ns: int) -> Lineage:
        """Return which contributions the fused tracks of a picture rest on.

        Raises:
            ValueError: if the time is older than the window.
        """
        table, owners = self._at(time_ns)
        rows = np.flatnonzero(table.whole[: table.n, Whole.TRACK] >= 0)
        held = table.whole[rows]
        return Lineage(
            table.fused[held[:, Whole.TRACK], Fused.NUMBER].view(np.uint64),
            np.array(owners, np.str_)[held[:, Whole.OWNER]],
            held[:, Whole.ID].view(np.uint64),
            held[:, Whole.IS_IN] == 1,
        )

    # The fold.

    def _at(self, time_ns: int) -> tuple[Table, tuple[str, ...]]:
        """Return what holds at a time, not to be changed, and the owners."""
        step = time_ns // self._step_ns
        if self._done is not None and step < self._done:
            table = self._before(step + 1)
            if table is None:
                raise ValueError(f"a picture of {time_ns} ns is older than the window of {self.settings.window_s} s")
            start, table = table[0], table[1].copy()
            self._run(table, start, step)
        else:
            self._advance(step)
            table = self._table
        ahead = self._chunks.get(step + 1, {})
        until = {key: Chunk(c.real[now], c.whole[now]) for key, c in ahead.items()
                 if (now := c.whole[:, Whole.TIME] <= time_ns).any()}  # fmt: skip
        if until or self._is_anyone_silent(table, time_ns):
            table = table.copy()
            self._fold(table, until, step + 1, time_ns)
        return table, self._owners(table)

    def _advance(self, step: int) -> None:
        """Fold all steps up to this one into the table."""
        start = self._done
        if start is None:
            if not self._chunks:
                return
            start = min(self._chunks) - 1
        for each in sorted(s for s in self._chunks if start < s <= step):
            self._fold(self._table, self._chunks[each], each, each * self._step_ns)
            self._done = each
            self._hold(each)

    def _run(self, table: Table, start: int, step: int) -> None:
        for each in sorted(s for s in self._chunks if start < s <= step):
            self._fold(table, self._chunks[each], each, each * self._step_ns)

    def _hold(self, step: int) -> None:
        """Keep a copy of the table, and of the older copies ever fewer the older they are; close what is too old."""
        self._held[step] = self._table.copy()
        newest_closed = step - self._window
        for each in sorted(self._held):
            lowest_bit = each & -each
            if each < step and step - each >= 4 * lowest_bit and each > newest_closed:
                del self._held[each]
        closed = [each for each in self._held if each <= newest_closed]
        if closed:
            self._base = max(closed)
            for each in closed:
                if each < self._base:
                    del self._held[each]
            for each in [s for s in self._chunks if s <= self._base]:
                del self._chunks[each]

    def _before(self, step: int) -> tuple[int, Table] | None:
        """Return the latest copy that holds nothing of a step and what follows it; the empty table before the first."""
        held = [each for each in self._held if each < step]
        if held:
            return max(held), self._held[max(held)]
        return (min(self._chunks) - 1, Table.empty()) if self._base is None and self._chunks else None

    def _go_back(self, step: int) -> None:
        """Take the fold back to before a step."""
        self.counts["times taken back"] += 1
        before = self._before(step)
        assert before is not None  # noqa: S101  # closed steps are never gone back to
        self._done, self._table = before[0], before[1].copy()
        for each in [s for s in self._held if s > before[0]]:
            del self._held[each]

    def _fold(self, table: Table, chunks: dict[Key, Chunk], step: int, time_ns: int) -> None:
        """Fold the chunks of one step into a table."""
        keys = sorted(chunks)
        owners = list(self._owners(table))
        for key in keys:
            if key[0] not in owners:
                owners.append(key[0])
        if len(owners) > OWNERS_MAX:
            raise ValueError(f"{len(owners)} owners; one fusion holds {OWNERS_MAX}")
        table.extra[OWNERS] = np.array(owners, np.str_)
        bias = table.extra.get(BIAS, np.zeros((0, N_BIAS)))
        if len(bias) < len(owners):
            bias = np.concatenate([bias, np.zeros((len(owners) - len(bias), N_BIAS))])
        counts = np.zeros(3, np.int64)
        if keys:
            real = np.concatenate([chunks[key].real for key in keys])
            whole = np.concatenate([chunks[key].whole for key in keys])
            sizes = [len(chunks[key].whole) for key in keys]
            owner_of = np.repeat(np.array([owners.index(key[0]) for key in keys], np.int64), sizes)
            table.reserve(len(whole))
            self._index(table, len(whole))
            least = self.settings.density_m2_s3
            density = np.array([least.get(owner, least.get("", 0.0)) for owner in owners], np.float64)
            table.n, table.m = absorb(
                np.argsort(whole[:, Whole.TIME], kind="stable"), real, whole, owner_of, density, bias, table.real,
                table.whole, table.fused_real, table.fused, table.places, table.n, table.m, counts,
            )  # fmt: skip
        fall_silent(time_ns, *self._silence(), table.whole, table.fused, table.n)
        associate(table, time_ns, step, self.settings.rules, bias)
        self._number(table, owners)
        table.compact()

    def _silence(self) -> tuple[int, int]:
        return round(self.settings.silent_s * NS_PER_S), round(self.settings.coarse_silent_s * NS_PER_S)

    def _is_anyone_silent(self, table: Table, time_ns: int) -> bool:
        held = table.whole[: table.n]
        limits = np.where(held[:, Whole.FLAGS] & COARSE, self._silence()[1], self._silence()[0])
        limits = np.maximum(limits, 4 * held[:, Whole.INTERVAL])
        return bool(((held[:, Whole.TRACK] >= 0) & (time_ns - held[:, Whole.TIME] > limits)).any())

    @staticmethod
    def _owners(table: Table) -> tuple[str, ...]:
        owners = table.extra.get(OWNERS)
        return () if owners is None else tuple(owners.tolist())

    @staticmethod
    def _index(table: Table, more: int) -> None:
        """See that every contributor is in the hash table and that it stays at most half full."""
        needed = 2 * (table.n + more)
        if needed > len(table.places) or (table.n and not (table.places != NOBODY).any()):
            table.places = np.full(1 << max(4, int(needed).bit_length()), NOBODY, np.int64)
            enter(table.places, table.whole, table.n)

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

    def checkpoint(self) -> dict[str, NDArray[Any]]:
        """Return everything it knows as named arrays (`formats.columns.pack_arrays`), for `resume`."""
        base = Table.empty() if self._base is None else self._held[self._base]
        keys = sorted((step, key) for step, chunks in self._chunks.items() for key in chunks)
        chunks = [self._chunks[step][key] for step, key in keys]
        return {
            "real": base.real[: base.n],
            "whole": base.whole[: base.n],
            "fused_real": base.fused_real[: base.m],
            "fused": base.fused[: base.m],
            **{f"extra {name}": array for name, array in base.extra.items()},
            "position": np.array(
                [-1 if self._base is None else self._base, self._base is not None, len(keys)], np.int64
            ),
            "steps": np.array([step for step, _ in keys], np.int64),
            "key_owner": np.array([key[0] for _, key in keys], np.str_),
            "key_feed": np.array([key[1] for _, key in keys], np.str_),
            "key_seq": np.array([key[2] for _, key in keys], np.int64),
            "sizes": np.array([len(chunk.whole) for chunk in chunks], np.int64),
            "rows_real": np.concatenate([np.zeros((0, N_REAL)), *(chunk.real for chunk in chunks)]),
            "rows_whole": np.concatenate([np.zeros((0, N_WHOLE), np.int64), *(chunk.whole for chunk in chunks)]),
            "counted": np.array(sorted(self.counts), np.str_),
            "counts": np.array([self.counts[name] for name in sorted(self.counts)], np.int64),
        }

    def resume(self, memory: dict[str, NDArray[Any]]) -> None:
        """Become the fusion of the same settings that gave this checkpoint.

        Raises:
            ValueError: if these are not the arrays of one.
        """
        try:
            base, has_base, _ = memory["position"].tolist()
            whole, fused = memory["whole"].astype(np.int64), memory["fused"].astype(np.int64)
            extra = {name.removeprefix("extra "): array for name, array in memory.items() if name.startswith("extra ")}
            table = Table(
                memory["real"].astype(np.float64), whole, memory["fused_real"].astype(np.float64), fused,
                np.full(16, NOBODY, np.int64), extra, len(whole), len(fused),
            )  # fmt: skip
            at, chunks = 0, dict[int, dict[Key, Chunk]]()
            rows = zip(
                *(memory[name].tolist() for name in ("steps", "key_owner", "key_feed", "key_seq", "sizes")), strict=True
            )
            for step, owner, feed, seq, size in rows:
                part = slice(at, at + size)
                chunk = Chunk(memory["rows_real"][part].copy(), memory["rows_whole"][part].copy())
                chunks.setdefault(step, {})[owner, feed, seq] = chunk
                at += size
            counts = dict(zip(memory["counted"].tolist(), memory["counts"].tolist(), strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a checkpoint of a fusion: {error}") from error
        self._chunks, self.counts = chunks, Counter(counts)
        self._held = {base: table} if has_base else {}
        self._base = self._done = base if has_base else None
        self._table = table.copy() if has_base else Table.empty()


def number_of(owner: str, contribution: int, key: bytes = b"") -> int:
    """Return the system track number of a track that this contribution founded.

    It hangs on nothing but the contribution as its reader holds it, so that readers who hold the same see the same, and
    a number betrays nothing that is withheld.
    """
    text = owner.encode() + b"|" + (contribution & (2**64 - 1)).to_bytes(8, "big")
    digest = hashlib.blake2b(text, digest_size=8, key=hashlib.sha256(key).digest() if key else b"").digest()
    return int.from_bytes(digest, "big") >> (64 - NUMBER_BITS)


@kernel
def _carry(real: Floats, dt_s: Floats, density: float) -> None:
    """Carry contributions on, in place."""
    mean, spread = np.empty(6), np.empty((6, 6))
    for i in range(len(real)):
        if real[i, Real.COVARIANCE] > 0.0:
            carry_on(real[i, :6].copy(), real[i, 6:42].copy().reshape(6, 6), dt_s[i], False, mean, spread)
            add_noise(spread, dt_s[i], density)
            real[i, :6] = mean
            real[i, 6:42] = spread.reshape(36)
