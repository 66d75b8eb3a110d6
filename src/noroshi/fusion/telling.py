"""What fused tracks are said to be: opinions of their contributors put together without counting anything twice.

Of each contributor only the latest word counts. What several say rests in part on the same evidence (one call sign,
one manoeuvre), so opinions on the kind are pooled by weights that add up to one: agreement makes nobody surer than the
surest.

- Kind: a logarithmic pool (Genest, Zidek (1986), Combining probability distributions, Statistical Science 1(1),
  114-135, section 4), weighted by what each knows, 1 - P(unknown); what is unknown is so only as far as it is to all.
- Existence: what different sensors detect is independent, given that there is a target, so log odds add up. Those who
  do not say are left out, and of several that tell of the target's own reports only the feeder counts.
- Identity: of each field what most say, of equally many what was said last.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion.table import EXISTENCE, KIND, NOBODY, SELF_FED, Fused, Table, Whole
from noroshi.fusion.tracklets import Floats, Integers
from noroshi.kernel import kernel
from noroshi.records import Identity, Kind, TrackStatus
from noroshi.records.identity import ABSENT, call_signs_of

LEAST = 1e-3  # a kind that somebody rules out is taken to be this likely to him
SUREST = 1e-6
CODES = (Whole.ICAO_ADDRESS, Whole.MODE_3A, Whole.MMSI)
FIELDS = ("icao_address", "mode_3a", "mmsi", "call_sign")
CALL_SIGN = slice(int(Whole.CALL_SIGN), int(Whole.REVISION))
RANK = np.array([0, 2, 1, 0])  # of a `TrackStatus`: one firm contributor makes a track firm
STATUS = np.array([TrackStatus.TENTATIVE, TrackStatus.COASTING, TrackStatus.FIRM], np.uint8)


class Members:
    """The contributors of some fused tracks, track by track; `at` is to which of the k tracks each of them belongs."""

    def __init__(self, table: Table, tracks: Integers) -> None:
        place = np.full(table.m, NOBODY)
        place[tracks] = np.arange(len(tracks))
        rows = table.members()
        at = place[table.whole[rows, Whole.TRACK]]
        order = np.argsort(at, kind="stable")
        self.rows, self.at = rows[order], at[order]
        self.k, self.first = len(tracks), np.searchsorted(self.at, np.arange(len(tracks)))
        self.held, self.said = table.whole[self.rows], table.said[self.rows]
        flags, feeder = self.held[:, Whole.FLAGS], table.fused[tracks, Fused.FEEDER][self.at]
        self.is_counted = (flags & SELF_FED == 0) | (feeder == self.rows)

    def kinds(self) -> Floats:
        """Return (k, 7) probabilities."""
        if not self.k:
            return np.zeros((0, len(Kind)))
        unknown = np.clip(self.said[:, KIND], 0.0, 1.0)
        known = 1.0 - unknown
        share = self.said[:, KIND + 1 :] / np.where(known > 0.0, known, 1.0)[:, None]
        pooled = np.add.reduceat(known[:, None] * np.log(np.maximum(share, LEAST)), self.first)
        weights, ignorance = np.add.reduceat(known, self.first), np.multiply.reduceat(unknown, self.first)
        likely = np.where(weights[:, None] > 0.0, np.exp(pooled / np.where(weights > 0.0, weights, 1.0)[:, None]), 0.0)
        likely *= ((1.0 - ignorance) / np.maximum(likely.sum(axis=1), np.finfo(float).tiny))[:, None]
        return np.concatenate([ignorance[:, None], likely], axis=1)

    def existence(self) -> Floats:
        """Return (k,) probabilities, NaN where nobody says."""
        if not self.k:
            return np.zeros(0)
        said = self.said[:, EXISTENCE]
        says = self.is_counted & ~np.isnan(said)
        said = np.clip(np.where(says, said, 0.5), SUREST, 1.0 - SUREST)
        odds = np.add.reduceat(np.log(said / (1.0 - said)), self.first)
        return np.where(np.logical_or.reduceat(says, self.first), 1.0 / (1.0 + np.exp(-odds)), np.nan)

    def status(self) -> NDArray[np.uint8]:
        """Return (k,) a `TrackStatus` each."""
        return STATUS[np.maximum.reduceat(RANK[self.held[:, Whole.STATUS]], self.first)] if self.k else STATUS[:0]

    def updated_ns(self) -> Integers:
        """Return (k,) when each was last measured."""
        updated = self.held[:, Whole.UPDATED]
        return np.maximum.reduceat(updated, self.first) if self.k else updated

    def sources(self, n_owners: int) -> NDArray[np.bool_]:
        """Return (k, o) which owners tell of each."""
        sources = np.zeros((self.k, n_owners), np.bool_)
        sources[self.at, self.held[:, Whole.OWNER]] = True
        return sources

    def identity(self) -> tuple[Identity, NDArray[np.bool_]]:
        """Return who the targets say they are, and (k, 4) in which of `FIELDS` contributors differ."""
        differ = np.zeros((self.k, len(FIELDS)), np.bool_)
        codes = np.empty((self.k, len(CODES)), np.int64)
        for i, column in enumerate(CODES):
            told, differ[:, i] = self._voted(slice(column, column + 1), ABSENT)
            codes[:, i] = told[:, 0]
        words, differ[:, 3] = self._voted(CALL_SIGN, 0)
        return Identity(
            icao_address=codes[:, 0].copy(), mode_3a=codes[:, 1].copy(), mmsi=codes[:, 2].copy(),
            call_sign=call_signs_of(words),
        ), differ  # fmt: skip

    def _voted(self, columns: slice, silence: int) -> tuple[Integers, NDArray[np.bool_]]:
        """Return (k, w) what is told of each track in some columns, and (k,) where what is said differs.

        A contributor whose first of these columns is `silence` says nothing.
        """
        told, differ = np.full((self.k, columns.stop - columns.start), silence), np.zeros(self.k, np.bool_)
        _hear(self.at, self.held, int(columns.start), silence, told, differ)
        for track in np.flatnonzero(differ).tolist():
            votes: dict[tuple[int, ...], list[int]] = {}
            for row in np.flatnonzero(self.at == track).tolist():
                words = tuple(self.held[row, columns].tolist())
                if words[0] != silence:
                    votes.setdefault(words, []).append(int(self.held[row, Whole.TIME]))
            told[track] = max(votes, key=lambda words: (len(votes[words]), max(votes[words]), words))
        return told, differ


@kernel
def _hear(at: Integers, held: Integers, first: int, silence: int, told: Integers, differ: NDArray[np.bool_]) -> None:
    """Write what the last of each track's contributors that says anything says, and whether any says another thing."""
    for row in range(len(at)):
        if held[row, first] != silence:
            for c in range(told.shape[1]):
                told[at[row], c] = held[row, first + c]
    for row in range(len(at)):
        if held[row, first] != silence:
            for c in range(told.shape[1]):
                if told[at[row], c] != held[row, first + c]:
                    differ[at[row]] = True
