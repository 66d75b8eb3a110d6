import numpy as np
from estimation_problems import assert_spd, covariances
from hypothesis import given
from hypothesis import strategies as st

from noroshi.estimation import kalman
from noroshi.estimation.smoother import smooth

STEPS, ROWS, D, M = 6, 4, 3, 2


def filtered(seed, decades=0.5):
    rng = np.random.default_rng(seed)

    def wide(shape):
        return 10.0 ** rng.uniform(-decades, decades, shape)

    F, H = rng.normal(size=(STEPS - 1, ROWS, D, D)), rng.normal(size=(STEPS, ROWS, M, D))
    Q = np.array([covariances(rng, wide((ROWS, D))) for _ in range(STEPS - 1)])
    R = np.array([covariances(rng, wide((ROWS, M))) for _ in range(STEPS)])
    values = rng.normal(size=(STEPS, ROWS, M))
    mean, covariance = rng.normal(size=(ROWS, D)), covariances(rng, wide((ROWS, D)))
    prior = mean, covariance
    means, spreads, predicted = [], [], []
    for i in range(STEPS):
        if i:
            mean, covariance = kalman.predict(mean, covariance, F[i - 1], Q[i - 1])
            predicted.append(mean)
        mean, covariance, *_ = kalman.update(mean, covariance, values[i] - np.matvec(H[i], mean), H[i], R[i])
        means.append(mean)
        spreads.append(covariance)
    outcome = np.array(means), np.array(spreads), np.array(predicted), F, Q
    for array in outcome:
        array.setflags(write=False)
    return outcome, prior, H, R, values


@given(st.integers(0, 2**32 - 1))
def test_it_is_what_all_measurements_together_tell(seed):
    """Against one least-squares problem over all steps at once (in information form)."""
    (means, spreads, predicted, F, Q), prior, H, R, values = filtered(seed)
    smoothed, smoothed_spreads = smooth(means, spreads, predicted, F, Q)
    for row in range(ROWS):
        information, right = np.zeros((STEPS * D, STEPS * D)), np.zeros(STEPS * D)
        information[:D, :D] = np.linalg.inv(prior[1][row])
        right[:D] = np.linalg.solve(prior[1][row], prior[0][row])
        for i in range(STEPS):
            here = slice(i * D, (i + 1) * D)
            weight = H[i, row].T @ np.linalg.inv(R[i, row])
            information[here, here] += weight @ H[i, row]
            right[here] += weight @ values[i, row]
            if i:
                both = slice((i - 1) * D, (i + 1) * D)
                link = np.hstack([-F[i - 1, row], np.eye(D)])
                information[both, both] += link.T @ np.linalg.solve(Q[i - 1, row], link)
        whole = np.linalg.inv(information)
        answer = (whole @ right).reshape(STEPS, D)
        for i in range(STEPS):
            block = whole[i * D : (i + 1) * D, i * D : (i + 1) * D]
            np.testing.assert_allclose(smoothed[i, row], answer[i], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(smoothed_spreads[i, row], block, rtol=1e-5, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_covariances_stay_positive_definite_and_do_not_grow(seed):
    arguments, *_ = filtered(seed, decades=3.0)
    _, smoothed_spreads = smooth(*arguments)
    assert_spd(smoothed_spreads)
    before, after = (each.diagonal(axis1=-2, axis2=-1) for each in (arguments[1], smoothed_spreads))
    assert (after <= before * (1.0 + 1e-6)).all()


def test_rows_do_not_depend_on_each_other():
    arguments, *_ = filtered(1)
    together = smooth(*arguments)
    for row in range(ROWS):
        alone = smooth(*(array[:, row : row + 1] for array in arguments))
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_array_equal(ours[:, row : row + 1], theirs)


def test_a_shorter_sequence_is_filled_up():
    (means, spreads, predicted, F, Q), *_ = filtered(2)
    short = smooth(means[:4], spreads[:4], predicted[:3], F[:3], Q[:3])
    filled = [array.copy() for array in (means, spreads, predicted, F, Q)]
    filled[0][4:], filled[1][4:], filled[2][3:], filled[3][3:], filled[4][3:] = (
        means[3],
        spreads[3],
        means[3],
        np.eye(D),
        0,
    )
    for ours, theirs in zip(smooth(*filled), short, strict=True):
        np.testing.assert_allclose(ours[:4], theirs, rtol=1e-9, atol=1e-12)


def test_one_step_is_left_as_it_is():
    (means, spreads, predicted, F, Q), *_ = filtered(3)
    smoothed, smoothed_spreads = smooth(means[:1], spreads[:1], predicted[:0], F[:0], Q[:0])
    np.testing.assert_array_equal(smoothed, means[:1])
    np.testing.assert_array_equal(smoothed_spreads, spreads[:1])
