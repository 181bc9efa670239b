"""The pure parts of the comparison under a privacy budget: columns, figures, the coding of tables."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from benchmarks.private_peers.columns import commonest, narrowed
from benchmarks.private_peers.judge import agreement, pair_distance, retention, second_moment
from benchmarks.private_peers.table import shown
from benchmarks.private_peers.tools import TOOLS, epsilon_of
from privacy.accountant import gaussian_multiplier
from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary

SHARES = (0.05, 0.6, 0.3, 0.5, 0.02)  # of the codes; 300 patients, a third in each split


@pytest.fixture
def cohort() -> Cohort:
    rng = np.random.default_rng(0)
    codes = rng.random((300, len(SHARES))) < SHARES
    codes[0] = False  # a patient with no code
    sex = np.eye(2, dtype=bool)[rng.integers(2, size=300)]
    names = (*(f"ICD9CM/{j}" for j in range(len(SHARES))), "SEX/female", "SEX/male")
    vocabulary = Vocabulary(names, ("",) * 7, (None,) * 5 + ("sex", "sex"))
    matrix = CodeMatrix(canonical(sparse.csr_matrix(np.hstack([codes, sex]))), np.arange(300), vocabulary)
    return Cohort(matrix, (np.arange(300) % 3).astype(np.uint8))


def test_the_commonest_codes_are_those_of_the_holdout_patients(cohort: Cohort) -> None:
    few = narrowed(cohort, 2)
    assert few.matrix.vocabulary.code == ("ICD9CM/1", "ICD9CM/3", "SEX/female", "SEX/male")
    assert len(few.matrix) == 300  # who has neither stays
    turned = cohort.matrix.counts.toarray()
    turned[cohort.split == SPLITS.index("train"), :5] = 0
    blind = Cohort(
        CodeMatrix(canonical(sparse.csr_matrix(turned)), cohort.matrix.ids, cohort.matrix.vocabulary), cohort.split
    )
    assert commonest(blind.part("holdout"), 2).tolist() == [1, 3]
    with pytest.raises(ValueError, match="between 1 and 5"):
        commonest(cohort.part("holdout"), 6)


def test_the_first_training_patients_only(cohort: Cohort) -> None:
    few = narrowed(cohort, 2, patients=10)
    assert len(few.part("train")) == 10
    assert len(few.part("holdout")) == 100
    assert np.array_equal(few.part("train").ids, cohort.part("train").ids[:10])


def test_pair_distance_is_the_mean_total_variation_of_the_tables(cohort: Cohort) -> None:
    real, other = cohort.part("train"), cohort.part("holdout")
    dense = [m.binary()[:, m.vocabulary.free].toarray().astype(int) for m in (real, other)]
    by_hand = []
    for i in range(5):
        for j in range(i + 1, 5):
            tables = [np.bincount(2 * x[:, i] + x[:, j], minlength=4) / len(x) for x in dense]
            by_hand.append(np.abs(tables[0] - tables[1]).sum() / 2)
    assert pair_distance(second_moment(real), second_moment(other)) == pytest.approx(np.mean(by_hand))


def test_a_copy_agrees_in_everything(cohort: Cohort) -> None:
    real = cohort.part("holdout")
    figures = agreement(real, real)
    assert [figures[name] for name in ("dwp_pearson", "dwp_spearman", "correlation_r")] == pytest.approx([1, 1, 1])
    assert [figures[name] for name in ("dwp_apd", "pair_distance", "mean_difference", "ks")] == [0, 0, 0, 0]


def test_retention_is_a_share_of_what_is_over_chance() -> None:
    assert retention(np.array([0.9, 0.7]), np.array([0.7, 0.6])) == pytest.approx(0.5)


def test_counting_in_rho_loses_some_epsilon() -> None:
    rho = 1 / (2 * gaussian_multiplier(epsilon=3.0, delta=1e-6) ** 2)
    assert epsilon_of(rho, 1e-6) == pytest.approx(3.0, abs=0.01)


def test_a_row_that_did_not_finish_says_so() -> None:
    rows = {"a": {"ks": 0.1, "cpu_seconds": 12.3}, "b": {"ended": "stopped at 8 GiB"}}
    lines = shown({"16": {"rows": rows}}).splitlines()
    assert "| 0.100 |" in lines[2]
    assert "stopped at 8 GiB" in lines[3]


def test_every_tool_has_its_worker() -> None:
    folder = Path(importlib.import_module("benchmarks.peers.tools").__file__ or "").parent
    assert all((folder / tool.peer().worker).is_file() for tool in TOOLS)


def test_tables_of_positions_come_back_as_they_were(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2] / "benchmarks"
    for folder in ("peers", "private_peers"):  # where workers find what they share, in environments of their own
        monkeypatch.syspath_prepend(str(root / folder))
    coded = importlib.import_module("coded")
    train = cohort.part("train").rows(np.arange(5))  # so few that a category of nobody keeps its place
    groups = {name: [int(k) for k in members] for name, members in train.vocabulary.groups.items()}
    fields = dict.fromkeys(("folder", "ids", "seconds", "deadline", "last_call", "seed", "cohort", "model"))
    codes = list(train.vocabulary.code)
    task = importlib.import_module("worker").Task(train=train.binary(), codes=codes, groups=groups, **fields)
    table = coded.encoded(task)
    assert {name: len(kept) for name, kept in coded.domain(task).items()} == dict.fromkeys(("sex", *codes[:5]), 2)
    assert (coded.decoded(table[table.columns[::-1]], task) != train.binary()).nnz == 0
