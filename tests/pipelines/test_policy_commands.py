import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


def test_the_policies_that_come_along_are_listed(cli: Cli) -> None:
    code, out, _ = cli("policy", "list", "--json")
    assert code == 0
    assert set(json.loads(out)["policies"]) == {"public_release", "controlled_access", "internal_test"}


def test_a_check_says_every_gate_and_where_its_threshold_comes_from(cli: Cli) -> None:
    code, out, _ = cli("policy", "check", "public_release")
    assert code == 0
    assert "sensitive_codes recall_gain: below 0.09" in " ".join(out.split())
    assert "membership_subgroup worst_auc: p of 0.01 or more" in " ".join(out.split())
    assert out.count("default of synthehr") >= 5


def test_a_check_on_a_cohort_counts_columns_and_never_patients(cli: Cli, spine: Path) -> None:
    code, out, _ = cli("policy", "check", "public_release", "--cohort", str(spine / "cohort"), "--json")
    assert code == 0
    found = json.loads(out)
    assert set(found["quasi_identifiers"]) == {"sex", "age", "race"}
    assert set(found["sensitive"]) == {
        "hiv",
        "mental_health",
        "substance_use",
        "abortion",
        "sexually_transmitted_disease",
    }
    assert all(0 <= topic["attackable"] <= topic["columns"] for topic in found["sensitive"].values())


@pytest.mark.parametrize(
    ("change", "message"),
    [(('"race"', '"rase"'), "no exclusive group 'rase'"), (('"hiv"', '"hvi"'), "'hvi' is no topic")],
)
def test_what_a_policy_declares_and_nobody_has_is_refused(
    cli: Cli, spine: Path, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    from privacy.policy_file import SHIPPED

    text = (SHIPPED / "public_release.toml").read_text(encoding="utf-8").replace(*change)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    code, _, errors = cli("policy", "check", str(tmp_path / "mine.toml"), "--cohort", str(spine / "cohort"))
    assert code == 2
    assert message in " ".join(errors.split())
