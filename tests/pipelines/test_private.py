import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.faults.curator import no_noise
from pipelines.cli import app
from pipelines.evaluate import evaluate
from pipelines.generate import generate
from pipelines.private import KEY, kept_key, private_plan
from pipelines.recipe import validated
from pipelines.release import release
from pipelines.run import released_patients, training_patients
from pipelines.sections import Evaluate, Train
from pipelines.train import train
from privacy.accountant import epsilon
from privacy.ledger import Ledger
from privacy.mechanisms import Gaussian, SampledGaussian
from privacy.policy import GateRefused
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import partial_path, read_manifest, source_hash
from synthehr.models.registry import load_run

SMALL = {"pool": 2_000}
M = 300  # canaries


def asked(**given: object) -> Train:
    return validated(Train, {"options": SMALL, "epsilon": 8.0, **given}, "test")


@pytest.fixture(scope="module")
def public(spine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spine's patients over a list that also has codes which nobody has."""
    folder = tmp_path_factory.mktemp("public")
    known = [code for code in read_cohort(spine / "cohort").matrix.vocabulary.code if not code.endswith("/unknown")]
    (folder / "codes.txt").write_text("\n".join([*known, "DRUG/never_given"]) + "\n", encoding="utf-8")
    build_cohort(
        spine / "events", folder / "cohort", options=CohortOptions(seed=3, vocabulary=str(folder / "codes.txt"))
    )
    return folder / "cohort"


@pytest.fixture(scope="module")
def trained(public: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("private") / "run"
    train(public, out, asked(), seed=0)
    return out


def test_a_budget_picks_a_generator_that_can_keep_it() -> None:
    assert asked().model == "private_copula"
    assert asked(model="independent").model == "private_independent"
    assert asked(epsilon=None).model == "transformer"


def test_a_public_list_decides_the_columns_whoever_has_them(public: Path) -> None:
    people = read_cohort(public)
    assert "DRUG/never_given" in people.matrix.vocabulary.code
    config = read_manifest(public, "cohort").config
    assert len(config["vocabulary"]) == 64  # its hash: no path leaves the house


def test_the_run_holds_a_ledger_within_its_budget_and_no_key(trained: Path, public: Path) -> None:
    ledger = Ledger.read(trained / "ledger.json")
    assert 7.99 < ledger.epsilon <= 8.0
    assert len(ledger.entries) == 4
    assert KEY not in {file.name for file in trained.rglob("*")}
    assert read_manifest(trained, "run").config["epsilon"] == 8.0
    assert Vocabulary.read(trained / "vocabulary.parquet") == read_cohort(public).matrix.vocabulary


def test_how_many_are_released_does_not_tell_how_many_there_were(trained: Path, public: Path) -> None:
    told, there = released_patients(trained, public), training_patients(public)
    assert abs(told - there) < 100
    # the noise of the histograms: 0.65 / sqrt(0.08) x sqrt(partitions) a cell, so most runs are off by several
    assert load_run(trained).patients != there  # type: ignore[attr-defined]


def test_two_trainings_have_different_noise(trained: Path, public: Path, tmp_path: Path) -> None:
    train(public, tmp_path / "run", asked(), seed=0)
    one, other = ((run / "weights.safetensors").read_bytes() for run in (trained, tmp_path / "run"))
    assert one != other  # the seed is in the manifest: noise that followed from it could be subtracted


def test_an_interrupted_training_answers_with_the_same_noise(public: Path, tmp_path: Path) -> None:
    def stop(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(public, tmp_path / "run", asked(), seed=0, progress=stop)
    workspace = partial_path(tmp_path / "run") / "checkpoints"
    key = kept_key(workspace)
    assert (workspace / KEY).stat().st_mode & 0o777 == 0o600
    seen: list[bytes] = []
    train(public, tmp_path / "run", asked(), seed=0, progress=lambda *_: seen.append(kept_key(workspace)))
    assert set(seen) == {key}


def test_without_a_list_the_vocabulary_is_told_by_a_threshold(spine: Path, tmp_path: Path) -> None:
    found = train(spine / "cohort", tmp_path / "run", asked(epsilon=20.0), seed=0)
    told = Vocabulary.read(tmp_path / "run" / "vocabulary.parquet")
    assert 0 < len(told) == found["codes"] < len(read_cohort(spine / "cohort").matrix.vocabulary) + 3
    assert Ledger.read(tmp_path / "run" / "ledger.json").added_delta == pytest.approx(1e-7)


def test_a_plan_looks_at_no_patient_and_its_noise_adds_up(public: Path, spine: Path) -> None:
    plan = private_plan(public, asked(epsilon=2.0))
    alone = private_plan(public, asked(epsilon=2.0, model="independent"))
    # sum of 1 / noise^2 is the same, however it is divided
    precision = [sum(noise**-2 for noise in p.noise.values()) for p in (plan, alone)]
    assert precision[0] == pytest.approx(precision[1])
    assert plan.public
    assert not private_plan(spine / "cohort", asked()).public
    with pytest.raises(BadRequest, match="without a mechanism"):
        private_plan(public, asked(model="medgan_paper"))


def test_a_release_under_a_budget_says_so_and_the_gate_can_demand_it(
    spine: Path, trained: Path, public: Path, recipe_file: Path, tmp_path: Path
) -> None:
    generate(trained, tmp_path / "synthetic", patients=900, seed=1)
    measured = Evaluate(comparators=("independent",), canaries=M)
    evaluate(public, tmp_path / "synthetic", tmp_path / "evaluation", measured, run=trained, seed=0)
    policy = recipe_file.parent / "policy.toml"
    demanding = tmp_path / "policy.toml"
    demanding.write_text("epsilon_max = 9.0\n" + policy.read_text(encoding="utf-8"), encoding="utf-8")
    found = release(
        public,
        tmp_path / "synthetic",
        tmp_path / "evaluation",
        tmp_path / "bundle",
        name="x",
        policy=str(demanding),
        override="a test",
    )
    report = Path(found["report"]).read_text(encoding="utf-8")
    assert "differentially private with epsilon 8.000" in report
    assert "NIST SP 800-226" in report
    assert "What the audit proves of epsilon" in report
    assert "What the budget cost in utility" not in report  # the sampler alone is no measure of it
    audit = json.loads((tmp_path / "bundle" / "public" / "audit.json").read_text(encoding="utf-8"))
    assert (audit["model"], audit["canaries"], audit["verdict"]) == ("private_copula", M, "NOT REFUTED")
    assert audit["claim"] == pytest.approx(8.0, abs=1e-3)
    reasons = json.loads((tmp_path / "bundle" / "public" / "decision.json").read_text(encoding="utf-8"))["reasons"]
    assert any(reason.startswith("PASS: the policy demands differential privacy") for reason in reasons)
    assert any(reason.startswith("PASS: audit of the privacy claim") for reason in reasons)


def test_a_claim_that_the_audit_refutes_is_not_released(public: Path, recipe_file: Path, tmp_path: Path) -> None:
    trained = tmp_path / "run"
    train(public, trained, asked(epsilon=2.0), seed=0)  # so many canaries prove about 4 at the most
    generate(trained, tmp_path / "synthetic", patients=300, seed=1)
    measured = Evaluate(comparators=("independent",), canaries=M)
    with no_noise():  # the audit trains as the run was: by code that is broken
        evaluate(public, tmp_path / "synthetic", tmp_path / "evaluation", measured, run=trained, seed=0)
    policy = str(recipe_file.parent / "policy.toml")
    landings = (public, tmp_path / "synthetic", tmp_path / "evaluation", tmp_path / "bundle")
    with pytest.raises(GateRefused, match="the claim is false"):
        release(*landings, name="x", policy=policy, override="we trust it")


def test_a_told_vocabulary_is_evaluated_over_the_codes_of_the_cohort(spine: Path, tmp_path: Path) -> None:
    cohort = spine / "cohort"
    train(cohort, tmp_path / "run", asked(epsilon=20.0), seed=0)
    generate(tmp_path / "run", tmp_path / "synthetic", patients=900, seed=1)
    found = evaluate(
        cohort, tmp_path / "synthetic", tmp_path / "evaluation", Evaluate(comparators=("independent",)), seed=0
    )
    assert found["scores"] > 50
    assert source_hash(cohort) == read_manifest(tmp_path / "evaluation", "evaluation").made_from["cohort"]


def test_ledgers_are_verified_and_added_up(trained: Path, public: Path, tmp_path: Path) -> None:
    train(public, tmp_path / "run", asked(epsilon=1.0), seed=0)
    result = CliRunner().invoke(app, ["ledger", "verify", str(trained), str(tmp_path / "run"), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["budget"] for one in found["ledgers"]] == [8.0, 1.0]
    assert abs(found["ledgers"][1]["epsilon"] - found["ledgers"][1]["epsilon_prv"]) < 0.02
    # Gaussian looks compose better than by addition, and delta is twice as large
    assert 7.5 < found["together"]["epsilon"] < 8.5
    assert found["together"]["delta"] == pytest.approx(2e-6)
    file = tmp_path / "run" / "ledger.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"sensitivity": 1.0', '"sensitivity": 0.1'))
    broken = CliRunner().invoke(app, ["ledger", "verify", str(tmp_path / "run")])
    assert broken.exit_code == 3
    assert "is not what was written there" in broken.output.replace("\n", " ")


def test_a_dry_run_prints_the_plan_and_writes_nothing(public: Path, tmp_path: Path) -> None:
    command = ["train", str(public), "--out", str(tmp_path / "run"), "--epsilon", "1", "--dry-run"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "pairs" in result.output
    assert list(tmp_path.iterdir()) == []
    without = CliRunner().invoke(app, [*command[:-3], "--dry-run"])
    assert without.exit_code == 0
    assert "No privacy budget" in without.output
    assert list(tmp_path.iterdir()) == []


def test_a_delta_without_an_epsilon_promises_nothing_and_is_refused(public: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", str(public), "--out", str(tmp_path / "run"), "--delta", "1e-6"])
    assert result.exit_code == 2
    assert "give --epsilon too" in result.output.replace("\n", " ")


@pytest.mark.parametrize("epsilon", [1e-6, 1e6])
def test_a_budget_that_no_noise_fits_is_refused(public: Path, epsilon: float) -> None:
    with pytest.raises(BadRequest, match="noise multiplier that is not between"):
        private_plan(public, asked(epsilon=epsilon))


def test_a_cohort_whose_splits_hang_on_all_patients_is_refused(public: Path, tmp_path: Path) -> None:
    shutil.copytree(public, tmp_path / "cohort")
    manifest = json.loads((tmp_path / "cohort" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["config"]["splits"]
    (tmp_path / "cohort" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadRequest, match="build it again"):
        private_plan(tmp_path / "cohort", asked())


def test_shadows_of_a_private_run_are_refused_before_any_work(trained: Path, public: Path, tmp_path: Path) -> None:
    generate(trained, tmp_path / "synthetic", patients=200, seed=1)
    with pytest.raises(BadRequest, match="canaries"):
        evaluate(public, tmp_path / "synthetic", tmp_path / "e", Evaluate(shadows=8), run=trained, seed=0)


def test_the_plan_leaves_the_critic_what_single_answers_leave(public: Path) -> None:
    plan = private_plan(public, asked(model="medgan", epsilon=2.0, options={"steps": 12, "probability": 0.05}))
    once = [Gaussian(noise_multiplier=plan.noise[name]) for name in plan.shares if name != "critic"]
    steps = SampledGaussian(noise_multiplier=plan.noise["critic"], sampling_probability=0.05, steps=12)
    alone, together = (epsilon(m, delta=1e-6) for m in (once, [*once, steps]))
    assert alone < 1.9 < 1.99 < together <= 2.0
