from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse, stats

from pipelines.conditional import BLOCK, LEAST_DRAWS, Acceptance, draw_where
from pipelines.evaluate import check_lineage, evaluate
from pipelines.generate import generate
from pipelines.release import release
from pipelines.sections import Evaluate, Train
from pipelines.train import train
from synthehr.cohort.condition import Condition
from synthehr.cohort.matrix import canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.models.registry import NAMES, load_run

SMALL: dict[str, dict[str, object]] = {
    "medgan": {"epochs": 1, "pretrain_epochs": 1, "pool": 1_000, "device": "cpu"},
    "medgan_paper": {"epochs": 1, "pretrain_epochs": 1, "pool": 1_000, "device": "cpu"},
    "transformer": {"epochs": 1, "width": 32, "layers": 1, "pool": 1_000, "rejection": False, "device": "cpu"},
}


class Phenotypes:
    """Half are ill: the ill have A with 0.6 and B with 0.7, the others with 0.1 and 0.2; C with `rare`."""

    name = "phenotypes"
    vocabulary = Vocabulary(("SEX/f", "SEX/m", "A/1", "B/1", "C/1"), ("",) * 5, ("sex", "sex", None, None, None))

    def __init__(self, rare: float = 0.0) -> None:
        self.rare, self.drawn = rare, 0

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        self.drawn += n
        ill, female = rng.random(n) < 0.5, rng.random(n) < 0.5
        free = rng.random((n, 3)) < np.where(ill[:, None], [0.6, 0.7, self.rare], [0.1, 0.2, self.rare])
        return canonical(sparse.csr_matrix(np.column_stack([female, ~female, free]).astype(np.int64)))


def where(text: str, generator: object) -> Condition:
    return Condition.parse(text, generator.vocabulary)  # type: ignore[attr-defined]


def largest_z(a: sparse.csr_matrix, b: sparse.csr_matrix) -> float:
    """Over the codes, how far the two cohorts' shares lie apart, in standard errors."""
    shares = [np.asarray((counts > 0).mean(axis=0), dtype=np.float64).ravel() for counts in (a, b)]
    pooled = (shares[0] * a.shape[0] + shares[1] * b.shape[0]) / (a.shape[0] + b.shape[0])
    error = np.sqrt(pooled * (1 - pooled) * (1 / a.shape[0] + 1 / b.shape[0]))
    varies = error > 0
    found: NDArray[np.float64] = np.abs(shares[0] - shares[1])[varies] / error[varies]
    return float(found.max(initial=0.0))


def test_they_are_the_first_whom_a_filter_of_the_same_draws_keeps() -> None:
    generator = Phenotypes()
    condition = where("sex='f' and A/1", generator)
    made, found = draw_where(generator, condition, 1_000, rng=np.random.default_rng(4))
    rng = np.random.default_rng(4)
    drawn = sparse.vstack([generator.sample(BLOCK, rng=rng) for _ in range(found.drawn // BLOCK)], format="csr")
    holds = condition.holds(drawn)
    assert found == Acceptance(2 * BLOCK, int(holds.sum()))  # 0.5 x 0.35 of 4,096 are 717: two blocks
    assert (made.shape, made.dtype) == ((1_000, 5), np.uint16)
    assert (made != drawn[holds][:1_000]).nnz == 0


def test_the_rest_of_a_patient_follows_from_the_condition() -> None:
    generator = Phenotypes()
    made, found = draw_where(generator, where("A/1", generator), 20_000, rng=np.random.default_rng(4))
    # on paper: P(A) = 0.35, P(ill | A) = 0.3 / 0.35, P(B | A) = (0.3 x 0.7 + 0.05 x 0.2) / 0.35 = 0.6286
    assert found.interval(0.999)[0] < 0.35 < found.interval(0.999)[1]
    assert made[:, 3].nnz / 20_000 == pytest.approx(0.6286, abs=0.012)
    filtered = generator.sample(60_000, rng=np.random.default_rng(5))
    assert largest_z(made, filtered[filtered[:, 2].toarray().ravel() > 0]) < 4


def test_to_write_the_code_into_patients_would_be_seen() -> None:
    """The control: the condition imposed, not sampled; B stays at 0.45."""
    generator = Phenotypes()
    filtered = generator.sample(60_000, rng=np.random.default_rng(5))
    imposed = generator.sample(20_000, rng=np.random.default_rng(4)).tolil()
    imposed[:, 2] = 1
    assert largest_z(imposed.tocsr(), filtered[filtered[:, 2].toarray().ravel() > 0]) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_generator_is_conditioned_alike(name: str, spine: Path, tmp_path: Path) -> None:
    train(spine / "cohort", tmp_path / "run", Train(model=name, options=SMALL.get(name, {})), seed=0)
    generator = load_run(tmp_path / "run")
    free = generator.vocabulary.free
    some = generator.sample(500, rng=np.random.default_rng(0))
    commonest = generator.vocabulary.code[free[np.argmax(some[:, free].getnnz(axis=0))]]
    condition = where(f"sex = 'female' or \"{commonest}\"", generator)
    made, found = draw_where(generator, condition, 1_500, rng=np.random.default_rng(7))
    assert condition.holds(made).all()
    drawn = generator.sample(BLOCK, rng=np.random.default_rng(8))
    holds = condition.holds(drawn)
    assert 0.2 < holds.mean() < 0.98
    assert largest_z(made, drawn[holds]) < 4.5
    assert largest_z(made, drawn) > 4.5  # the control: all patients are another population
    assert abs(found.accepted / found.drawn - holds.mean()) < 0.05


def test_what_nobody_meets_ends() -> None:
    generator = Phenotypes()
    with pytest.raises(BadRequest, match=r"^0 of 200,704 patients drawn .* 10 were wanted .* rate of 0 \(95 %"):
        draw_where(generator, where("C/1", generator), 10, rng=np.random.default_rng(0))
    assert LEAST_DRAWS <= generator.drawn < LEAST_DRAWS + BLOCK


def test_what_is_too_rare_for_so_many_is_given_up_early_and_the_rate_is_said() -> None:
    generator = Phenotypes(rare=0.0002)
    with pytest.raises(BadRequest, match=r"at a rate of 0\.000[12]"):
        draw_where(generator, where("C/1", generator), 2_000, rng=np.random.default_rng(0))
    assert generator.drawn < LEAST_DRAWS + BLOCK  # of the 2,000,000 that it might have drawn
    made, found = draw_where(generator, where("C/1", generator), 15, rng=np.random.default_rng(0))  # so few it finds
    assert made[:, 4].nnz == 15
    assert found.drawn < LEAST_DRAWS


def test_a_rare_condition_is_not_given_up_for_its_first_draws() -> None:
    generator = Phenotypes(rare=0.002)
    assert draw_where(generator, where("C/1", generator), 500, rng=np.random.default_rng(0))[0].shape[0] == 500
    assert generator.drawn > LEAST_DRAWS


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    low, high = stats.binomtest(1_236, 20_480).proportion_ci(method="exact")
    found = (Acceptance(20_000, 1_200) + Acceptance(480, 36)).as_json("A/1")
    assert (found["drawn"], found["accepted"], found["where"]) == (20_480, 1_236, "A/1")
    assert (found["low"], found["share"], found["high"]) == pytest.approx((low, 1_236 / 20_480, high))


def test_the_interval_covers_though_draws_end_when_there_are_enough() -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(2_000):
        so_far = Acceptance(0, 0)
        while so_far.accepted < 20:
            so_far += Acceptance(BLOCK, int(rng.binomial(BLOCK, 0.002)))
        low, high = so_far.interval()
        covered += low <= 0.002 <= high
    assert covered / 2_000 > 0.94


@pytest.fixture
def conditional(spine: Path, tmp_path: Path) -> Path:
    generate(spine / "run", tmp_path / "conditional", patients=50, seed=5, where="sex = 'female'")
    return tmp_path / "conditional"


def test_a_conditional_cohort_is_not_compared_with_all_patients(spine: Path, conditional: Path, tmp_path: Path) -> None:
    refused = "drawn under a condition"
    check_lineage(spine / "cohort", spine / "synthetic", spine / "run")
    with pytest.raises(BadRequest, match=refused):
        evaluate(spine / "cohort", conditional, tmp_path / "e", Evaluate(), run=spine / "run", seed=0)
    with pytest.raises(BadRequest, match=refused):
        release(spine / "cohort", conditional, spine / "evaluation", tmp_path / "b", name="n")
    with pytest.raises(BadRequest, match=refused):
        evaluate(spine / "cohort", spine / "synthetic", tmp_path / "e", Evaluate(previous=str(conditional)), seed=0)
    assert {entry.name for entry in tmp_path.iterdir()} == {"conditional"}
