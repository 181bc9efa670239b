import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.barred import Barred
from synthehr.models.discretise import Cut, calibrate
from synthehr.models.marginals import Marginals
from synthehr.models.sizes import extended, size_heads, size_values

FREE = Vocabulary(("A/1", "A/2"), ("", ""), (None, None))


def test_a_score_above_a_level_is_at_least_that_count() -> None:
    marginals = Marginals(FREE, np.array([0, 3, 4]), np.array([0.5, 0.3, 0.1, 0.5]))
    cut = Cut(marginals, np.array([0.0, 1.0, 2.0, 0.0], dtype=np.float32), np.zeros(2, dtype=np.float32))
    scores = np.array([[-1, -1], [0.5, 1], [1.5, -1], [9, 9]], dtype=np.float32)
    assert cut.apply(scores).toarray().tolist() == [[0, 0], [1, 1], [2, 0], [3, 1]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_pool_is_cut_at_its_marginals(seed: int, p: float, q: float) -> None:
    scores = np.random.default_rng(seed).standard_normal((500, 2)).astype(np.float32)
    cut = calibrate(scores, Marginals(FREE, np.array([0, 1, 2]), np.array([p, q])))
    assert (cut.apply(scores) > 0).mean(axis=0).tolist()[0] == pytest.approx([p, q], abs=1 / 500)


def test_one_half_as_threshold_loses_rare_codes() -> None:
    """The control: what calibration is for."""
    rng = np.random.default_rng(0)
    probability = np.tile(np.array([0.9, 0.01], dtype=np.float32), (5000, 1)) * rng.uniform(0.5, 1, (5000, 2))
    assert (probability > 0.5).mean(axis=0)[1] == 0
    marginals = Marginals(FREE, np.array([0, 1, 2]), np.array([0.7, 0.01]))
    assert (calibrate(probability.astype(np.float32), marginals).apply(probability.astype(np.float32)) > 0).mean(
        axis=0
    ).tolist()[0] == pytest.approx([0.7, 0.01], abs=1e-3)


def test_every_patient_has_one_member_of_each_group_at_the_right_share(cohort: Cohort) -> None:
    train = cohort.part("train")
    marginals = Marginals.of(train, binary=True)
    scores = np.random.default_rng(0).gumbel(size=(8000, len(train.vocabulary))).astype(np.float32)
    out = calibrate(scores, marginals).apply(scores)
    for columns in train.vocabulary.groups.values():
        assert (out[:, columns].sum(axis=1) == 1).all()
        assert np.asarray(out[:, columns].mean(axis=0)).ravel() == pytest.approx(train.prevalence()[columns], abs=0.01)


def test_sizes_are_met_exactly_and_prevalences_stay_right(cohort: Cohort) -> None:
    train = cohort.part("train")
    heads = size_heads(train.vocabulary, size_values(train))
    wide = extended(train, heads)
    scores = np.random.default_rng(0).gumbel(size=(8000, len(wide.vocabulary))).astype(np.float32)
    cut = calibrate(scores, Marginals.of(wide, binary=True), heads)
    present, out = cut.present(scores), cut.apply(scores)
    for head in heads:
        drawn = head.values[np.argmax(present[:, head.members], axis=1)]
        assert np.array_equal(np.diff(out[:, head.codes].indptr), drawn)
    prevalence = np.asarray((out > 0).mean(axis=0)).ravel()
    assert out.shape[1] == len(train.vocabulary)
    assert prevalence == pytest.approx(train.prevalence(), abs=0.015)
    real = np.bincount(train.codes_per_patient(), minlength=20)[:20] / len(train)
    made = np.bincount(np.diff(out.indptr), minlength=20)[:20] / 8000
    # systems are drawn independently here, so the sum over systems is near the real one, not equal to it
    assert 0.5 * np.abs(real - made).sum() < 0.15


def test_without_heads_sizes_are_not_met(cohort: Cohort) -> None:
    """The control: the same scores cut code by code give sizes that nobody asked for."""
    train = cohort.part("train")
    heads = size_heads(train.vocabulary, size_values(train))
    scores = np.random.default_rng(0).gumbel(size=(2000, len(extended(train, heads).vocabulary))).astype(np.float32)
    cut = calibrate(scores, Marginals.of(extended(train, heads), binary=True))
    drawn = heads[0].values[np.argmax(cut.present(scores)[:, heads[0].members], axis=1)]
    assert (np.diff(cut.apply(scores)[:, heads[0].codes].indptr) == drawn).mean() < 0.6


def test_a_code_of_one_patient_does_not_come_in_hundreds() -> None:
    """Expected less than once in the coarse pool, it is rightly absent there; sought until it came, it would flood."""
    rng = np.random.default_rng(0)
    n, d = 20_000, 12
    vocabulary = Vocabulary(tuple(f"A/{j}" for j in range(d)), ("",) * d, (None,) * d)
    counts = np.zeros((n, d), dtype=np.int64)
    counts[np.arange(n), rng.integers(d - 1, size=n)] = 1
    counts[np.arange(0, n, 2), rng.integers(d - 1, size=n // 2)] = 1
    counts[0, d - 1] = 1
    matrix = CodeMatrix(canonical(sparse.csr_matrix(counts)), np.arange(n, dtype=np.int64), vocabulary)
    heads = size_heads(vocabulary, size_values(matrix))
    wide = extended(matrix, heads)
    scores = rng.logistic(size=(50_000, len(wide.vocabulary))).astype(np.float32)
    scores[:, d - 1] = -12 + 0.01 * scores[:, d - 1]  # a generator that hardly ever thinks of it
    cut = calibrate(scores, Marginals.of(wide, binary=True), heads)
    assert cut.present(scores)[:, d - 1].sum() <= 10
    prevalence = cut.present(scores)[:, : d - 1].mean(axis=0)
    assert prevalence == pytest.approx(matrix.prevalence()[: d - 1], abs=0.003)


def test_rare_members_of_a_group_come_at_their_share() -> None:
    """Sixteen members from 71 % down to 8 in 10,000, like the sizes of a real extract, and scores that are far off."""
    target = np.array(
        [0.71, 0.06, 0.06, 0.06, 0.05, 0.03, 0.01, 0.005, 0.004, 0.003, 0.002, 0.002, 0.0015, 0.001, 0.0008]
    )
    target = np.append(target, 1 - target.sum())
    names = tuple(f"SIZE/{k}" for k in range(16))
    marginals = Marginals(Vocabulary(names, ("",) * 16, ("size",) * 16), np.arange(17), target)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        # as a factor start scores sizes: members rise together, the common one least, and rare ones not in order
        spread = np.array([6.0] + [17.0] * 11 + [10.0] * 4)
        mean = np.array([-2.0] + [-35.0] * 11 + [-15.0] * 4)
        own = rng.normal(size=(20_000, 16)) * 0.3
        scores = (rng.gumbel(size=(20_000, 16)) + mean + spread * (rng.normal(size=(20_000, 1)) + own)).astype(
            np.float32
        )
        share = np.asarray(calibrate(scores, marginals).apply(scores).mean(axis=0)).ravel()
        # what balancing leaves alone is half a standard error of a share, or one patient
        assert (np.abs(share - target) * 20_000 <= np.maximum(2, 1.5 * np.sqrt(20_000 * target))).all()


@pytest.mark.parametrize("sized", [True, False])
def test_a_barred_code_goes_to_nobody_of_that_sex_and_keeps_its_prevalence(cohort: Cohort, sized: bool) -> None:
    train = cohort.part("train")
    sex = train.vocabulary.groups["sex"]
    code = int(train.vocabulary.free[np.argsort(-train.prevalence()[train.vocabulary.free])[3]])
    heads = size_heads(train.vocabulary, size_values(train) if sized else {})
    marginals = Marginals.of(extended(train, heads), binary=True)
    scores = np.random.default_rng(0).normal(size=(20_000, len(marginals.vocabulary))).astype(np.float32)
    wanted = train.prevalence()[code]
    for rules, broken in ((np.array([[code, sex[0]]]), False), (np.zeros((0, 2), dtype=np.int64), True)):
        made = calibrate(scores, marginals, heads, Barred(rules, len(marginals.vocabulary))).apply(scores.copy())
        both = made[:, [code]].multiply(made[:, [int(sex[0])]]).sum()
        assert (both > 0) == broken
        assert made[:, [code]].sum() / 20_000 == pytest.approx(wanted, abs=0.01)
