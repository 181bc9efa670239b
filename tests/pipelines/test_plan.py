import time
from pathlib import Path

import pytest

from pipelines import plan as stage
from pipelines.calibration import Calibration, Cost, Passes, calibrate, folder_bytes
from pipelines.plan import Estimate, Need, _privacy, _scaled, _uncounted, plan_table
from pipelines.recipe import Recipe, validated
from pipelines.sections import Evaluate, Train
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.options import CohortOptions

MIB = 2**20


def calibration(patients: int, seconds: float, peak: int, passes: float) -> Calibration:
    stages = ("train", "generate", "evaluate", "release")
    return Calibration(patients=patients, passes=passes, costs={s: Cost(seconds, peak * MIB, 10 * MIB) for s in stages})


def test_time_grows_by_the_line_or_in_proportion_and_memory_by_the_line() -> None:
    found = [calibration(2_000, 1.0, 500, 7.0), calibration(8_000, 4.0, 560, 30.0)]
    needs = {need.stage: need for need in _scaled(found, Recipe(name="x"), 80_000, 40_000)}
    # ten times the patients: 30 s of passes become 300; the 4 s beside them stay
    assert (needs["train"].least, needs["train"].most) == pytest.approx((304.0, 304.0))
    # 60 MiB more for 6,000 patients are 10 MiB a thousand; 72,000 patients more are 720 MiB more
    assert needs["train"].memory == pytest.approx(1280 * MIB)
    # 3 s more for 6,000 patients are 0.5 s a thousand: 16 s for 32,000 more; in proportion five times 4 s
    assert (needs["generate"].least, needs["generate"].most) == pytest.approx((20.0, 20.0))
    assert (needs["evaluate"].least, needs["evaluate"].most) == pytest.approx((40.0, 40.0))  # the larger cohort decides
    assert needs["train"].disk == 10 * MIB
    assert needs["generate"].disk == 50 * MIB


def test_costs_that_do_not_grow_make_a_range() -> None:
    found = [calibration(2_000, 4.0, 500, 1.0), calibration(8_000, 4.0, 500, 1.0)]
    generate = _scaled(found, Recipe(name="x"), 80_000, 40_000)[1]
    assert (generate.least, generate.most) == pytest.approx((4.0, 20.0))


def test_a_release_smaller_than_the_sample_never_takes_less_than_nothing() -> None:
    found = [calibration(2_000, 1.0, 500, 1.0), calibration(8_000, 10.0, 560, 1.0)]
    generate = _scaled(found, Recipe(name="x"), 8_000, 100)[1]
    assert 0 <= generate.least <= generate.most
    assert generate.memory == 560 * MIB


def test_a_budget_by_the_clock_bounds_the_passes() -> None:
    found = [calibration(8_000, 4.0, 560, 30.0)]
    recipe = Recipe(name="x", train=Train(options={"minutes": 2.0}))
    assert _scaled(found, recipe, 80_000, 8_000)[0].most == pytest.approx(124.0)


def test_memory_that_shrank_by_chance_is_not_taken_for_a_trend() -> None:
    found = [calibration(2_000, 1.0, 600, 1.0), calibration(8_000, 1.0, 560, 1.0)]
    assert _scaled(found, Recipe(name="x"), 80_000, 80_000)[0].memory == 560 * MIB


def test_passes_are_timed_between_their_first_and_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("pipelines.calibration.time.monotonic", lambda: now[0])
    passes = Passes()
    for seconds, task, done in [(5, "pre", 1), (6, "pre", 2), (7, "pre", 3), (20, "play", 1), (24, "play", 3)]:
        now[0] = seconds
        passes(task, done, 100, "pass")
    assert passes.measured == 6.0  # 2 s and 4 s
    # 1 s a pass and 2 s a pass, 100 passes each
    assert passes.whole == 300.0


def test_stages_are_measured_by_running_them(spine: Path, tmp_path: Path) -> None:
    recipe = Recipe(name="x", train=Train(model="independent"), evaluate=Evaluate(comparators=("independent",)))
    start = time.monotonic()
    found = calibrate(spine / "cohort", tmp_path, recipe, 1_000, 0.01)
    spent = time.monotonic() - start
    assert 0 < sum(cost.seconds for cost in found.costs.values()) <= spent
    assert found.costs["evaluate"].peak > 50 * MIB
    assert found.costs["generate"].disk >= folder_bytes(tmp_path / "synthetic") > 0
    assert (tmp_path / "bundle" / "public" / "cohort.duckdb").is_file()


def test_a_machine_too_small_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    need = Need(stage="evaluate", least=1.0, most=1.0, memory=2**50, disk=2**60)
    words = stage._warnings((need,))
    assert [warning.split(":")[0] for warning in words] == ["Memory", "Disk"]
    assert stage._warnings((Need(stage="x", least=1.0, most=1.0, memory=1, disk=1),)) == ()
    assert stage._uncounted(Recipe(name="x")) == ()
    (words,) = stage._uncounted(Recipe(name="x", evaluate=Evaluate(shadows=16)))
    assert "16 more generators" in words


def test_an_estimate_adds_time_and_disk_and_not_memory() -> None:
    shares = [("train", 3), ("evaluate", 5)]
    needs = tuple(Need(stage=s, least=9.0, most=10.0, memory=m * MIB, disk=MIB) for s, m in shares)
    estimate = Estimate(recipe="x", patients=5, codes=3, needs=needs, origin=("measured",), warnings=())
    assert estimate.as_json()["total"] == {"least": 18.0, "most": 20.0, "memory": 5 * MIB, "disk": 2 * MIB}
    assert plan_table(estimate).row_count == 3


def test_a_private_recipe_can_be_planned_and_says_its_epsilon(spine: Path, tmp_path: Path) -> None:
    train = validated(Train, {"epsilon": 9.0, "model": "independent"}, "test")
    asked = Recipe(name="x", train=train, evaluate=Evaluate(comparators=("independent",)))
    codes = [code for code in read_cohort(spine / "cohort").matrix.vocabulary.code if not code.endswith("/unknown")]
    (tmp_path / "codes.txt").write_text("\n".join(codes), encoding="utf-8")
    options = CohortOptions(vocabulary=str(tmp_path / "codes.txt"))
    build_cohort(spine / "events", tmp_path / "cohort", options=options)
    found = calibrate(tmp_path / "cohort", tmp_path / "scratch", asked, 1_400, 0.05)
    assert found.costs["train"].seconds > 0
    assert "epsilon 9, delta 1e-06" in _privacy(asked)
    assert "no guarantee" in _privacy(Recipe(name="x"))
    assert [text.split(":")[0] for text in _uncounted(asked)] == ["Audit"]
    assert _uncounted(Recipe(name="x")) == ()
