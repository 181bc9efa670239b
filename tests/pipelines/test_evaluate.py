from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluate import asked, check_lineage, evaluate, read_synthetic, sample_comparators, split_holdout
from pipelines.generate import generate
from pipelines.sections import Evaluate, Train
from pipelines.train import train
from synthehr.cohort.cohort import Cohort, read_cohort, write_cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import land, read_manifest, source_hash

TABLES = ("codes_per_patient", "correlations", "effects", "subgroups")


def test_the_holdout_is_cut_in_parts_that_share_nobody(spine: Path) -> None:
    people = read_cohort(spine / "cohort")
    holdout = people.part("holdout")
    cut = split_holdout(holdout, seed=3)
    # halves, and halves of the second; of an odd number the latter has one more
    test, fresh, reference, control = (len(part) for part in (cut.test, cut.fresh, cut.reference, cut.control))
    assert (test + fresh, reference + control) == (len(holdout), fresh)
    assert {fresh - test, control - reference} <= {0, 1}
    assert reference > 0
    assert set(cut.test.ids).isdisjoint(cut.fresh.ids)
    assert set(cut.reference.ids).isdisjoint(cut.control.ids)
    assert set(cut.reference.ids) | set(cut.control.ids) == set(cut.fresh.ids)
    assert set(cut.test.ids) | set(cut.fresh.ids) == set(holdout.ids)
    assert set(holdout.ids).isdisjoint(people.part("train").ids)


def test_the_cut_follows_from_the_seed(spine: Path) -> None:
    holdout = read_cohort(spine / "cohort").part("holdout")
    one, same, other = (split_holdout(holdout, seed=seed).test.ids for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_an_evaluation_has_every_figure_between_floor_and_ceiling(spine: Path) -> None:
    found = Evaluation.read(spine / "evaluation")
    assert {"detection_auroc_boosted", "dwpred_auroc_gap", "dwp_spearman"} <= {score.name for score in found.scores}
    assert {"membership_neighbours", "attribute_disclosure"} <= {risk.attack for risk in found.risks}
    assert {"synthetic", "independent", "copula", "holdout"} == set(found.comparators["generator"])
    made_from = read_manifest(spine / "evaluation", "evaluation").made_from
    assert made_from == {name: source_hash(spine / name) for name in ("cohort", "synthetic")}


def test_a_cohort_with_another_split_is_refused_though_its_patients_are_the_same(spine: Path, tmp_path: Path) -> None:
    """Members would be taken for strangers, and the attack would find nothing to find."""
    people = read_cohort(spine / "cohort")
    with land(tmp_path / "cohort", kind="cohort", config={"seed": 9}, made_from={}) as folder:
        write_cohort(folder, Cohort(people.matrix, np.roll(people.split, 1)))
    with pytest.raises(IncompleteLanding, match="trained on another cohort"):
        evaluate(tmp_path / "cohort", spine / "synthetic", tmp_path / "e", Evaluate(), seed=0)
    assert not (tmp_path / "e").exists()


def test_a_synthetic_cohort_of_another_run_is_refused(spine: Path, tmp_path: Path) -> None:
    train(spine / "cohort", tmp_path / "run", Train(model="independent"), seed=0)
    generate(tmp_path / "run", tmp_path / "synthetic", patients=50, seed=0)
    check_lineage(spine / "cohort", tmp_path / "synthetic", tmp_path / "run")
    with pytest.raises(IncompleteLanding, match="was not generated from"):
        check_lineage(spine / "cohort", tmp_path / "synthetic", spine / "run")


def test_another_vocabulary_is_refused(spine: Path, tmp_path: Path) -> None:
    made = read_synthetic(spine / "synthetic")
    known = made.vocabulary
    renamed = Vocabulary((*known.code[:-1], "ICD9CM/000"), known.description, known.group)
    request = {"model": "medgan", "patients": len(made), "seed": 0}
    lineage = read_manifest(spine / "synthetic").made_from
    with land(tmp_path / "s", kind="synthetic", config=request, made_from=lineage) as folder:
        (folder / "data").mkdir()
        for file in (spine / "synthetic" / "data").iterdir():
            (folder / "data" / file.name).write_bytes(file.read_bytes())
        renamed.write(folder / "vocabulary.parquet")
    with pytest.raises(IncompleteLanding, match="another vocabulary"):
        evaluate(spine / "cohort", tmp_path / "s", tmp_path / "e", Evaluate(), seed=0)


def test_no_evaluation_is_without_the_floor(spine: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="'independent': it is the floor"):
        evaluate(spine / "cohort", spine / "synthetic", tmp_path / "e", Evaluate(comparators=("copula",)), seed=0)


def test_comparators_learn_from_the_training_patients_alone(spine: Path) -> None:
    people = read_cohort(spine / "cohort")
    column = int(np.argmax(people.matrix.prevalence()[people.matrix.vocabulary.free]))
    code = people.matrix.vocabulary.free[column]
    counts = people.matrix.counts.tolil()
    counts[people.split == 2, code] = 0  # nobody in the holdout has the commonest code
    altered = Cohort(CodeMatrix(counts.tocsr(), people.matrix.ids, people.matrix.vocabulary), people.split)
    before, after = (sample_comparators(c, ["independent"], 300, seed=1)["independent"] for c in (people, altered))
    assert (before.counts != after.counts).nnz == 0
    assert np.array_equal(before.ids, -np.arange(1, 301))


def test_the_request_names_what_decides_the_figures(spine: Path) -> None:
    request = asked(spine / "cohort", spine / "synthetic", Evaluate(comparators=("independent",)), seed=8)
    declared = request["config"].pop("declared")
    assert request["config"] == {"comparators": ["independent"], "generator": "medgan", "seed": 8}
    # what attackers seek and know decides the figures; thresholds do not
    assert set(declared) == {"sensitive", "quasi_identifiers", "population", "prior"}
    internal = asked(spine / "cohort", spine / "synthetic", Evaluate(), policy="internal_test", seed=8)
    assert internal["config"]["declared"] == declared


def test_an_earlier_release_stands_beside_this_one(spine: Path, tmp_path: Path) -> None:
    options = Evaluate(comparators=("independent",), previous=str(spine / "synthetic"))
    evaluate(spine / "cohort", spine / "synthetic", tmp_path / "e", options, seed=3)
    risks = [risk for risk in Evaluation.read(tmp_path / "e").risks if risk.p is not None]
    assert risks
    assert all(risk.others["previous_release"] == risk.value for risk in risks)
    assert {"independent", "k_anonymised_5", "k_anonymised_11"} <= set(risks[0].others)


def test_the_tables_behind_the_figures_are_aggregates(spine: Path) -> None:
    found = Evaluation.read(spine / "evaluation")
    n_test = len(split_holdout(read_cohort(spine / "cohort").part("holdout"), seed=3).test)
    assert found.codes_per_patient["share_real"].sum() == pytest.approx(1)
    assert len(found.correlations) > 100
    declared = [("ICD9CM/250", "ICD9CM/428"), ("ICD9CM/401", "ICD9CM/414"), ("SEX/male", "ICD9CM/305")]
    assert set(zip(found.effects["exposure"], found.effects["outcome"], strict=True)) == set(declared)
    assert (found.effects["n_exposure"] <= n_test).all()
    assert not any("id" in column for table in TABLES for column in getattr(found, table).columns)


def test_an_evaluation_of_an_earlier_version_has_empty_tables(spine: Path, tmp_path: Path) -> None:
    found = Evaluation.read(spine / "evaluation")
    with land(tmp_path / "e", kind="evaluation", config={}, made_from={}) as folder:
        found.write(folder)
        for table in TABLES:
            (folder / f"{table}.parquet").unlink()
    earlier = Evaluation.read(tmp_path / "e")
    assert earlier.scores == found.scores
    assert all(getattr(earlier, table).empty for table in TABLES)
    assert list(earlier.effects.columns) == list(found.effects.columns)
