"""What a fused track is said to be: opinions of its contributors put together without counting anything twice.

Of each owner only the latest word counts. What several owners say rests in part on the same evidence (one call sign, one
manoeuvre), so opinions on the kind are pooled by weights that add up to one: agreement makes nobody surer than the surest.

- Kind: a logarithmic pool (Genest, Zidek (1986), Combining probability distributions, Statistical Science 1(1), 114-135,
  section 4), weighted by what each knows, 1 - P(unknown); what is unknown is so only as far as it is to all.
- Existence: detections of different sensors are independent given that there is a target, so log odds add up; those who do
  not say are left out, and of several that tell of the target's own reports one counts.
- Identity: of each field what most say, of equally many what was said last; where they differ is told by `conflicts`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion.fold import predict
from noroshi.fusion.table import NOBODY, SELF_FED, Fused, Real, Whole
from noroshi.fusion.tracklets import Floats, Integers
from noroshi.kernel import kernel
from noroshi.records import Kind, TrackStatus
from noroshi.records.identity import ABSENT

N_KINDS = len(Kind)
LEAST = 1e-3  # a kind that somebody rules out is taken to be this likely to him
SUREST = 1e-6
CALL_SIGN = int(Whole.CALL_SIGN)
FIELDS = int(Whole.ICAO_ADDRESS), int(Whole.MODE_3A), int(Whole.MMSI)
FIRM, COASTING, TENTATIVE = int(TrackStatus.FIRM), int(TrackStatus.COASTING), int(TrackStatus.TENTATIVE)


@kernel
def tell(
    tracks: Integers, time_ns: int, real: Floats, whole: Integers, fused_real: Floats, fused: Integers, mean: Floats,
    spread: Floats, updated_ns: Integers, status: NDArray[np.uint8], existence: Floats, kinds: Floats,
    sources: NDArray[np.bool_], codes: Integers, words: Integers, disagree: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Write what a picture says of each track; the last is of each identity field whether contributors differ."""
    for i in range(len(tracks)):
        track = tracks[i]
        predict(track, time_ns, real, whole, fused_real, fused, mean[i], spread[i])
        odds, n_odds, weights, unknown, best = 0.0, 0, 0.0, 1.0, TENTATIVE
        row = fused[track, Fused.FIRST]
        for c in range(N_KINDS):
            kinds[i, c] = 0.0
        while row != NOBODY:
            said, is_counted = real[row, Real.EXISTENCE], True
            sources[i, whole[row, Whole.OWNER]] = True
            updated_ns[i] = max(updated_ns[i], whole[row, Whole.UPDATED])
            if whole[row, Whole.STATUS] == FIRM or (whole[row, Whole.STATUS] == COASTING and best != FIRM):
                best = whole[row, Whole.STATUS]
            if whole[row, Whole.FLAGS] & SELF_FED and fused[track, Fused.FEEDER] != row:
                is_counted = False
            if is_counted and not math.isnan(said):
                said = min(max(said, SUREST), 1.0 - SUREST)
                odds += math.log(said / (1.0 - said))
                n_odds += 1
            known = 1.0 - real[row, Real.KIND]
            if known > 0.0:
                for c in range(1, N_KINDS):
                    kinds[i, c] += known * math.log(max(real[row, Real.KIND + c] / known, LEAST))
                weights += known
            unknown *= 1.0 - known
            row = whole[row, Whole.NEXT]
        status[i] = best
        existence[i] = 1.0 / (1.0 + math.exp(-odds)) if n_odds else math.nan
        total = 0.0
        for c in range(1, N_KINDS):
            kinds[i, c] = math.exp(kinds[i, c] / weights) if weights > 0.0 else 0.0
            total += kinds[i, c]
        for c in range(1, N_KINDS):
            kinds[i, c] = (1.0 - unknown) * kinds[i, c] / total if total > 0.0 else 0.0
        kinds[i, 0] = unknown
        for f in range(3):
            codes[i, f], disagree[i, f] = _voted(track, FIELDS[f], 1, whole, fused)
        row, disagree[i, 3] = _voted(track, CALL_SIGN, 3, whole, fused)
        for c in range(3):
            words[i, c] = whole[row, Whole.CALL_SIGN + c] if row != NOBODY else 0


@kernel
def _voted(track: int, column: int, width: int, whole: Integers, fused: Integers) -> tuple[int, int]:
    """Return what most contributors say in a column, or the row that says it where it is several wide; and if any differ."""
    found, most, latest_ns, differ = NOBODY, 0, 0, 0
    row = fused[track, Fused.FIRST]
    while row != NOBODY:
        if whole[row, column] != (ABSENT if width == 1 else 0):
            votes, last_ns, other = 0, 0, fused[track, Fused.FIRST]
            while other != NOBODY:
                same = True
                for c in range(width):
                    same &= whole[other, column + c] == whole[row, column + c]
                if same:
                    votes += 1
                    last_ns = max(last_ns, whole[other, Whole.TIME])
                elif whole[other, column] != (ABSENT if width == 1 else 0):
                    differ = 1
                other = whole[other, Whole.NEXT]
            if votes > most or (votes == most and last_ns > latest_ns):
                found, most, latest_ns = row, votes, last_ns
        row = whole[row, Whole.NEXT]
    if width == 1:
        return (whole[found, column] if found != NOBODY else ABSENT), differ
    return found, differ
