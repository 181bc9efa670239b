import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import privacy
from privacy.assess import Assessment, assess, joined
from privacy.attack import Finding
from privacy.ledger import Ledger
from privacy.patients import Patients
from privacy.policy import decide
from privacy.policy_file import load_policy
from privacy.risk import Estimate

Dense = np.ndarray


def small(seed: int = 0, **changed: Dense) -> tuple[Patients, sparse.csr_matrix]:
    rng = np.random.default_rng(seed)
    sizes = {"members": 120, "nonmembers": 90, "reference": 50, "fresh": 50, "synthetic": 130}
    groups = {name: (rng.random((n, 40)) < 0.1).astype(np.uint8) for name, n in sizes.items()} | changed
    *_, synthetic = matrices = [sparse.csr_matrix(rows) for rows in groups.values()]
    return Patients(
        **dict(zip(sizes, matrices[:4], strict=False)), codes=tuple(f"code {j}" for j in range(40))
    ), synthetic


def finding(value: float, **more: object) -> Finding:
    facts = {"attack": "a", "knowledge": "k", "metric": "m", "n": 9} | more
    return Finding(estimate=Estimate(value, value - 0.1, value + 0.1), **facts)


def test_figures_of_all_releases_stand_in_one_row() -> None:
    places = {"synthetic": 0.5, "control": 0.1, "ceiling": 0.9, "independent": 0.3}
    (risk,) = joined({name: [finding(value)] for name, value in places.items()})
    assert (risk.value, risk.control, risk.ceiling, risk.others) == (0.5, 0.1, 0.9, {"independent": 0.3})
    # half an interval of .1 is 1.96 standard errors; 2.80 of them above the control
    assert risk.detectable == pytest.approx(0.1 + 0.1 * 2.8016 / 1.96, abs=1e-3)


def test_holm_counts_the_attacks_of_the_release_and_not_those_of_the_comparators() -> None:
    own = [finding(0.5, metric=str(k), p=0.02) for k in range(3)]
    found = {"synthetic": own, "control": own * 1, "ceiling": own, "independent": [finding(0.5, metric="x", p=1e-9)]}
    assert [risk.p_adjusted for risk in joined(found)] == pytest.approx([0.06] * 3)


def test_a_figure_without_a_control_is_left_out() -> None:
    assert list(joined({"synthetic": [finding(0.5)], "control": [], "ceiling": []})) == []


def test_the_default_policy_passes_a_release_without_a_leak_at_3000_nonmembers(
    assessed: dict[str, Assessment],
) -> None:
    decision = decide(assessed["no leak"].risks, Ledger(), load_policy())
    assert (decision.verdict, decision.released) == ("PASS", True), decision.reasons


@pytest.mark.parametrize("leak", ["10 % verbatim", "overfitted mixture"])
@pytest.mark.parametrize("policy", ["public_release", "internal_test"])
def test_a_planted_leak_fails(assessed: dict[str, Assessment], leak: str, policy: str) -> None:
    decision = decide(assessed[leak].risks, Ledger(), load_policy(policy))
    assert decision.released is False
    if policy == "public_release":
        assert decision.verdict == "FAIL", decision.reasons


def test_one_percent_verbatim_is_not_released_although_the_auc_passes(assessed: dict[str, Assessment]) -> None:
    decision = decide(assessed["1 % verbatim"].risks, Ledger(), load_policy())
    assert decision.released is False
    judged = {(risk.attack, risk.metric): risk.verdict for risk in decision.risks if risk.verdict}
    assert judged["membership_stack", "auc"] == "PASS"
    assert judged["exact_duplicates", "identical_excess_distinctive_records"] != "PASS"


def test_every_gate_that_is_shipped_is_measured(assessed: dict[str, Assessment]) -> None:
    measured = {(risk.attack, risk.metric) for risk in assessed["no leak"].risks}
    for name in ("public_release", "controlled_access", "internal_test"):
        assert {(gate.attack, gate.metric) for gate in load_policy(name).gates} <= measured


def test_every_risk_is_whole(assessed: dict[str, Assessment]) -> None:
    for assessment in assessed.values():
        for risk in assessment.risks:
            assert risk.low <= risk.value <= risk.high, risk
            assert np.isfinite([risk.value, risk.low, risk.high, risk.control]).all(), risk
            assert risk.knowledge.startswith("the synthetic file")
            assert risk.n > 0
        names = [(risk.attack, risk.metric) for risk in assessment.risks]
        assert len(names) == len(set(names))


def test_the_note_says_how_many_of_how_many_were_attacked(assessed: dict[str, Assessment]) -> None:
    notes = {risk.metric: risk.note for risk in assessed["no leak"].risks if risk.attack == "membership_neighbours"}
    assert "4,000 of 4,000 members and 3,000 of 3,000 non-members" in notes["auc"]


def test_at_most_10000_a_side_are_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.membership.tier.MOST_TARGETS", 60)
    risks = assess(*small(), seed=0).risks
    (auc,) = [risk for risk in risks if (risk.attack, risk.metric) == ("membership_neighbours", "auc")]
    assert auc.n == 60
    assert "60 of 120 members and 60 of 90 non-members" in auc.note
    (share,) = [risk for risk in risks if risk.metric == "identical_share"]
    assert share.n == 120  # equality is cheap: nobody is left out


def test_verbatim_copies_that_a_strict_comparison_calls_safe_are_found() -> None:
    """SDMetrics' overfitting score: share of synthetic rows strictly closer to training than to holdout, 500 x 60.

    METRICS.md: it says 1.0, perfect, with 30 % of the rows copied, because most distances tie. Planted here likewise.
    """
    rng = np.random.default_rng(0)
    prevalence = 0.6 / np.arange(1, 61)
    groups = {
        name: (rng.random((500, 60)) < prevalence).astype(np.uint8)
        for name in ("members", "nonmembers", "reference", "fresh", "synthetic")
    }
    groups["synthetic"][:150] = groups["members"][:150]

    def nearest(base: str) -> np.ndarray:
        return (groups["synthetic"][:, None, :] != groups[base][None, :, :]).sum(axis=2).min(axis=1)

    strictly_closer = np.mean(nearest("members") < nearest("nonmembers"))
    assert min(1.0, (1 - strictly_closer) * 2) == 1.0
    *real, synthetic = [sparse.csr_matrix(rows) for rows in groups.values()]
    named = dict(zip(groups, real, strict=False))
    found = assess(Patients(**named, codes=tuple(map(str, range(60)))), synthetic, seed=0).risks
    assert decide(found, Ledger(), load_policy()).verdict == "FAIL"
    (auc,) = [risk for risk in found if (risk.attack, risk.metric) == ("membership_neighbours", "auc")]
    assert auc.low > 0.5


def test_the_same_seed_gives_the_same_figures_and_progress_is_told() -> None:
    told: list[tuple[str, int, int, str]] = []
    first = assess(*small(), seed=3, progress=lambda *position: told.append(position))
    again, other = assess(*small(), seed=3), assess(*small(), seed=4)
    assert first.risks == again.risks
    pd.testing.assert_frame_equal(first.roc, again.roc)
    assert first.risks != other.risks
    assert all(0 <= done <= total for _, done, total, _ in told)
    assert [done for _, done, _, _ in told] == list(range(1, told[0][2] + 1))


def test_matrices_need_not_be_tidy() -> None:
    patients, synthetic = small()
    untidy = synthetic.copy()
    untidy.indices = untidy.indices.copy()
    for row in range(untidy.shape[0]):
        where = slice(untidy.indptr[row], untidy.indptr[row + 1])
        untidy.indices[where] = untidy.indices[where][::-1]
    untidy.has_sorted_indices = False
    assert assess(patients, untidy, seed=0).risks == assess(patients, synthetic, seed=0).risks


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"synthetic": np.full((9, 40), 2)}, "synthetic must hold 0 and 1 only.*largest value is 2"),
        ({"reference": np.zeros((9, 41))}, "reference must have at least 2 records and 40 codes"),
        ({"fresh": np.zeros((0, 40))}, "fresh must have at least 2 records"),
    ],
)
def test_what_is_no_release_is_refused(changed: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assess(*small(**changed), seed=0)


def test_comparators_stand_beside_the_release_and_may_not_take_its_place() -> None:
    patients, synthetic = small()
    risks = assess(patients, synthetic, seed=0, comparators={"previous": synthetic}).risks
    assert all(risk.others == {"previous": risk.value} for risk in risks if risk.others)
    assert any(risk.others for risk in risks)
    with pytest.raises(ValueError, match="may not be called 'control'"):
        assess(patients, synthetic, seed=0, comparators={"control": synthetic})


def test_a_further_attack_is_tried_on_every_release_and_counts_in_the_correction() -> None:
    patients, synthetic = small()
    seen: list[int] = []

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        seen.append(release.shape[0])
        return [finding(0.5, p=1e-6)]

    alone = assess(patients, synthetic, seed=0).risks
    *others, last = assess(patients, synthetic, seed=0, further={"mine": attack}, comparators={"x": synthetic}).risks
    assert seen == [130, 50, 120, 130]  # the release, the control, the ceiling and the comparator
    assert (last.attack, last.control, last.ceiling, last.others) == ("a", 0.5, 0.5, {"x": 0.5})
    tested = sum(risk.p is not None for risk in alone)
    assert last.p_adjusted == pytest.approx((tested + 1) * 1e-6)
    assert [risk.value for risk in others] == [risk.value for risk in alone]


def test_an_auditor_can_read_the_floor_alone() -> None:
    allowed = {
        "privacy",
        "numpy",
        "pandas",
        "scipy",
        "faiss",
        "pydantic",
        "sklearn",
        "threadpoolctl",
        "torch",
        "pyarrow",
        "cryptography",
        "dp_accounting",
        "opacus",
    }
    for file in Path(privacy.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                assert root in allowed or root in __import__("sys").stdlib_module_names, f"{file.name}: {name}"
