import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from benchmarks.faults.curator import no_noise
from pipelines import audit as stage
from pipelines.audit import NOT_FOR_RELEASE, Planted, audit, drawn, plant, synthetic_scores
from pipelines.cli import app
from pipelines.private import fit_private
from pipelines.recipe import validated
from pipelines.sections import Train
from privacy.audit.canaries import audited
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadRequest
from synthehr.landing import source_hash

M = 300


def asked(**given: object) -> Train:
    return validated(Train, {"options": {"pool": 1_000}, "epsilon": 3.0, "delta": 1e-5, **given}, "test")


@pytest.fixture(scope="module")
def public(spine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spine's patients over a public list of codes."""
    folder = tmp_path_factory.mktemp("audited")
    known = [code for code in read_cohort(spine / "cohort").matrix.vocabulary.code if not code.endswith("/unknown")]
    (folder / "codes.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
    options = CohortOptions(seed=3, vocabulary=str(folder / "codes.txt"))
    build_cohort(spine / "events", folder / "cohort", options=options)
    return folder / "cohort"


@pytest.fixture(scope="module")
def people(public: Path) -> Cohort:
    return read_cohort(public)


def planted(people: Cohort, m: int = M) -> tuple[Planted, np.ndarray]:
    coin = np.random.default_rng(1).random(m) < 0.5
    return plant(people, coin, seed=0), coin


def test_canaries_are_added_to_the_train_split_alone(people: Cohort) -> None:
    made, coin = planted(people)
    for split in ("validation", "holdout"):
        assert np.array_equal(made.cohort.part(split).ids, people.part(split).ids)
    train, before = made.cohort.part("train"), people.part("train")
    assert np.array_equal(train.ids[: len(before)], before.ids)
    assert len(train) == len(before) + coin.sum()
    assert (train.counts[: len(before), : len(people.matrix.vocabulary)] != before.counts).nnz == 0
    assert (train.counts[len(before) :] != made.canaries.counts[coin]).nnz == 0
    assert len(np.unique(made.cohort.matrix.ids)) == len(made.cohort.matrix)


def test_each_canary_has_a_code_and_a_pair_of_its_own_and_a_member_of_each_group(people: Cohort) -> None:
    made, _ = planted(people)
    rows = made.canaries.binary()
    assert np.array_equal(rows[np.arange(M), made.own].A1, np.ones(M))
    assert rows[:, made.own].sum() == M
    assert len({tuple(sorted(pair)) for pair in made.pair.tolist()}) == M
    for columns in made.canaries.vocabulary.groups.values():
        assert np.array_equal(np.diff(rows[:, columns].tocsr().indptr), np.ones(M))
    assert set(made.canaries.codes_per_patient()) == {3 + len(made.canaries.vocabulary.groups)}
    # no new system of codes: that would be one more histogram to pay for
    assert set(made.canaries.vocabulary.system) == set(people.matrix.vocabulary.system)


def test_where_the_vocabulary_is_told_by_a_threshold_the_canaries_codes_are_not(
    spine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*given: Any, **named: Any) -> tuple[Any, ...]:
        generator, *rest = fit_private(*given, **named)
        generator.patients = 123.4
        return (generator, *rest)

    monkeypatch.setattr(stage, "fit_private", told)
    monkeypatch.setattr(stage, "LEAST_SYNTHETIC", 1)
    found = audit(spine / "cohort", asked(epsilon=20.0), canaries=M, seed=0)
    assert found.verdict == "NOT REFUTED"
    assert found.white.lower < 4.0
    assert found.black.knowledge.startswith("123 synthetic patients")  # the number that was told, not that of patients


def test_a_generator_that_copies_patients_is_caught_by_its_synthetic_patients(people: Cohort) -> None:
    made, coin = planted(people)
    vocabulary, train = made.canaries.vocabulary, made.cohort.part("train")

    class Copies:
        def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
            return train.counts[rng.integers(len(train), size=n)]

    class Nobody:
        def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
            real = len(people.part("train"))
            return train.counts[rng.integers(real, size=n)]

    bounds = []
    for generator in (Copies(), Nobody()):
        scores = synthetic_scores(drawn(generator, 20_000, 0), vocabulary, made)  # type: ignore[arg-type]
        bounds.append(audited(scores, coin, claim=3.0, delta=1e-5, knowledge="synthetic patients"))
    assert [one.verdict for one in bounds] == ["FAIL", "NOT REFUTED"]
    assert bounds[1].lower < 0.5


def test_a_canary_code_that_the_generator_does_not_know_says_nothing(people: Cohort) -> None:
    made, _ = planted(people)
    synthetic = drawn_from(people)
    alone, with_pair = synthetic_scores(synthetic, people.matrix.vocabulary, made)
    assert set(alone) == {0.0}
    assert np.isfinite(with_pair).all()
    assert with_pair.std() > 0  # its two public codes still do


def drawn_from(people: Cohort) -> sparse.csr_matrix:
    return sparse.csr_matrix(people.part("holdout").binary(), dtype=np.float64)


def test_a_generator_without_a_budget_is_not_audited(public: Path) -> None:
    with pytest.raises(BadRequest, match="keeps an epsilon"):
        audit(public, asked(model="medgan_paper"), canaries=M, seed=0)


def command(public: Path, *more: str) -> list[str]:
    start = ["audit", str(public), "--epsilon", "3", "--delta", "1e-5", "--canaries", str(M), "--option", "pool=1000"]
    return [*start, *more]


def test_the_claim_of_a_correct_training_is_not_refuted_and_is_written(public: Path, tmp_path: Path) -> None:
    before = source_hash(public)
    result = CliRunner().invoke(app, command(public, "--out", str(tmp_path / "audit.json")))
    assert result.exit_code == 0, result.output
    for words in ("claimed epsilon 3", "white-box", "black-box", "Power", "for release", "audit.json"):
        assert words in result.output
    found = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert found["claim"] == pytest.approx(3.0, abs=1e-3)
    assert found["verdict"] == found["white_box"]["verdict"] == found["black_box"]["verdict"] == "NOT REFUTED"
    assert found["white_box"]["lower"] < 2.0
    assert 0 < found["power"]["correct_gaussian"] < found["claim"] < found["power"]["most"]
    assert found["note"] == NOT_FOR_RELEASE
    assert source_hash(public) == before


def test_a_training_without_noise_fails_by_its_answers_and_ends_with_4(public: Path) -> None:
    with no_noise():
        result = CliRunner().invoke(app, command(public, "--json"))
    assert result.exit_code == 4
    found = json.loads(result.stdout)
    assert found["claim"] == pytest.approx(3.0, abs=1e-3)  # the ledger knows nothing of it
    assert (found["verdict"], found["white_box"]["verdict"]) == ("FAIL", "FAIL")
    assert found["white_box"]["lower"] > 4.0


def test_what_makes_no_sense_ends_with_2(public: Path) -> None:
    assert CliRunner().invoke(app, command(public, "--model", "nonesuch")).exit_code == 2
    assert CliRunner().invoke(app, command(public)[:2]).exit_code == 2
    assert CliRunner().invoke(app, command(public, "--out", "/no/such/folder/audit.json")).exit_code == 2
