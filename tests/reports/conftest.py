"""A small evaluation, written by hand, and the view of it."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from privacy.ledger import Ledger
from privacy.policy import decide
from privacy.policy_file import Gate, Policy
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Risk
from reports.risk_report import render_html
from reports.view import ReportView
from synthehr.evaluation import (
    CODE_COLUMNS,
    COMPARATOR_COLUMNS,
    CORRELATION_COLUMNS,
    EFFECT_COLUMNS,
    LENGTH_COLUMNS,
    ROC_COLUMNS,
    SUBGROUP_COLUMNS,
    Evaluation,
)
from synthehr.fidelity.score import Score

N_HOLDOUT = 2_000  # so that real prevalences are shares of 1,000 patients
# real patients of 1,000, and synthetic prevalence
COUNTS = {"ICD9CM/250": (400, 0.30), "ICD9CM/401": (200, 0.21), "ICD9CM/414": (50, 0.0), "DRUG/insulin": (20, 0.04)}


def codes(small: int = 7) -> pd.DataFrame:
    """Four codes of many patients, and one rare code that `small` of 1,000 real patients have."""
    counts = COUNTS | {"ICD9CM/282": (small, 0.004)}
    frame = pd.DataFrame({column: np.full(len(counts), 0.5) for column in CODE_COLUMNS})
    frame["code"], frame["description"] = list(counts), [f"Description of {code}" for code in counts]
    frame["prevalence_real"] = [k / 1_000 for k, _ in counts.values()]
    frame["prevalence_synthetic"] = [q for _, q in counts.values()]
    frame["auroc_real"], frame["auroc_synthetic"] = [0.81, 0.72, 0.66, 0.91, 0.77], [0.8, 0.7, np.nan, 0.85, 0.6]
    return frame


def lengths(small: int = 7) -> pd.DataFrame:
    """Of 1,000 real patients `small` have no code, 300 two, and so on; 4 have six codes and 20 seven."""
    real = np.asarray([small, 100, 300, 400, 170, 0, 4, 20]) / 1_000
    shares = [real, [0.01, 0.1, 0.3, 0.4, 0.15, 0.02, 0.01, 0.01], [0.125] * 8, real]
    return pd.DataFrame(dict(zip(LENGTH_COLUMNS, [np.arange(8), *shares], strict=True)))


def correlations(small: int = 7) -> pd.DataFrame:
    """Pairs of three codes of 1,000 patients; `small` have the last two. Both 120 of 400 and 200: phi .204."""
    rows = [
        ("ICD9CM/250", "ICD9CM/401", 0.2, 0.15, 120, 400, 200),
        ("ICD9CM/250", "ICD9CM/414", -0.1, -0.3, 20, 400, 100),
        ("ICD9CM/401", "ICD9CM/414", 0.0, 0.001, small, 200, 100),
    ]
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS)


def effects(small: int = 7) -> pd.DataFrame:
    """The same pairs, as exposure and outcome; in the second the generator turned the association round."""
    pairs = correlations(small)
    table = pairs.rename(columns={"code_a": "exposure", "code_b": "outcome", "n_a": "n_exposure", "n_b": "n_outcome"})
    figures = {"log_or_real": 9.0, "low_real": 8.0, "high_real": 10.0, "log_or_ceiling": 9.0, "covered": False}
    return table.assign(log_or_synthetic=[0.9, 0.5, 0.0], **figures)[EFFECT_COLUMNS]


def subgroups() -> pd.DataFrame:
    rows = [
        ("sex", "SEX/female", 512, 0.002, 0.0, 0.004, 0.009, 0.0),
        ("sex", "SEX/male", 488, 0.001, 0.0, 0.003, 0.008, 0.0),
    ]
    return pd.DataFrame(rows, columns=SUBGROUP_COLUMNS)


def risk(attack: str, metric: str, value: float, half: float, **more: object) -> Risk:
    facts = {"knowledge": FILE_ONLY, "control": 0.01, "n": 5_000, "ceiling": 0.9} | more
    return Risk(attack=attack, metric=metric, value=value, low=value - half, high=value + half, **facts)


def evaluation(small: int = 7, leak: float = 0.0) -> Evaluation:
    scores = (
        Score(
            name="dwp_spearman",
            value=0.95,
            low=0.94,
            high=0.96,
            floor=0.99,
            ceiling=0.995,
            n=5,
            unit="codes",
            better="higher",
        ),
        Score(
            name="detection",
            value=0.9,
            low=0.88,
            high=0.92,
            floor=0.98,
            ceiling=0.5,
            n=2_000,
            unit="patients",
            better="lower",
        ),
        Score(name="ties", value=0.0, low=0.0, high=0.0, floor=0.0, ceiling=0.0, n=9, unit="codes", better="lower"),
    )
    risks = (
        risk("membership_neighbours", "tpr_at_fpr_0.01", 0.011 + leak, 0.004, knowledge=WITH_REFERENCE),
        risk("membership_neighbours", "auc", 0.505, 0.008, knowledge=WITH_REFERENCE, control=0.5),
        risk("presence_disclosure", "sensitivity_at_hamming_2", 0.31, 0.01, control=0.3, ceiling=1.0),
        risk("presence_disclosure", "sensitivity_at_hamming_0", 0.30, 0.01, control=0.3, ceiling=1.0),
    )
    grid = np.geomspace(1e-4, 1, 30)
    roc = [
        pd.DataFrame({"attack": "membership_neighbours", "place": place, "fpr": grid, "tpr": grid**power})
        for place, power in (("synthetic", 0.9), ("control", 1.0), ("ceiling", 0.05))
    ]
    comparators = [
        ("synthetic", "detection", "all", 0.9),
        ("holdout", "detection", "all", 0.5),
        ("independent", "detection", "all", 0.98),
        ("copula", "detection", "all", 0.94),
    ]
    return Evaluation(
        scores=scores,
        risks=risks,
        codes=codes(small),
        roc=pd.concat(roc, ignore_index=True)[ROC_COLUMNS],
        comparators=pd.DataFrame(comparators, columns=COMPARATOR_COLUMNS),
        codes_per_patient=lengths(small),
        correlations=correlations(small),
        effects=effects(small),
        subgroups=subgroups(),
    )


POLICY = Policy(
    name="trial",
    purpose="A trial.",
    inconclusive="refuse",
    gates=(
        Gate(
            attack="membership_neighbours",
            metric="tpr_at_fpr_0.01",
            threshold=0.03,
            provenance="house default",
            why="Because.",
        ),
        Gate(attack="membership_neighbours", metric="auc", threshold=0.55, provenance="house default", why="Because."),
    ),
)


def view(
    *, small: int = 7, leak: float = 0.0, override: str | None = None, policy: Policy = POLICY, **facts: object
) -> ReportView:
    found, ledger = evaluation(small, leak), Ledger()
    ledger.look("vocabulary")
    given: Mapping[str, object] = {
        "name": "trial-cohort",
        "purpose": "Teaching",
        "source": "A made-up hospital",
        "generator": "medgan",
        "evaluation": found,
        "policy": policy,
        "decision": decide(found.risks, ledger, policy, override=override),
        "ledger": ledger,
        "n_patients": {"train": 4_000, "validation": 500, "holdout": N_HOLDOUT},
        "n_codes": 5,
        "n_synthetic": 4_000,
        "seed": 3,
        "hashes": {"cohort": "c" * 64, "synthetic": "5" * 64},
        "versions": {"synthehr": "0.1.0"},
        "decided": "2026-03-01",
        "expires": "2028-03-01",
    }
    return ReportView(**(dict(given) | facts))


@pytest.fixture(scope="session")
def make_view() -> Callable[..., ReportView]:
    return view


@pytest.fixture(scope="session")
def plain_view() -> ReportView:
    return view()


@pytest.fixture(scope="session")
def text() -> str:
    """The report of the plain view."""
    return render_html(view())


@pytest.fixture
def make_codes() -> Callable[..., pd.DataFrame]:
    return codes


@pytest.fixture
def unmeasured_policy() -> Policy:
    gate = Gate(attack="attribute_disclosure", metric="sensitivity_gain", threshold=0.09, provenance="EMA", why="x")
    return replace_gates(POLICY, (*POLICY.gates, gate))


def replace_gates(policy: Policy, gates: tuple[Gate, ...]) -> Policy:
    return policy.model_copy(update={"gates": gates})


@pytest.fixture(scope="session")
def make_risk() -> Callable[..., Risk]:
    return risk
