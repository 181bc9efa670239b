import datetime
import json
import logging
import shutil
from pathlib import Path

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipelines.pages import source_name
from pipelines.release import Terms, release
from pipelines.run import training_patients
from privacy.ledger import Ledger
from privacy.policy import GateRefused
from synthehr.errors import IncompleteLanding
from synthehr.landing import altered, source_hash
from synthehr.release.register import Release, enter, read_register
from synthehr.release.signature import is_signed_by
from synthehr.release.stamp import content_hash
from synthehr.release.verify import verify_bundle

IMPOSSIBLE = """
name = "impossible"
purpose = "A gate that nothing passes"
inconclusive = "refuse"

[[gates]]
attack = "membership_neighbours"
metric = "auc"
threshold = 0.001
provenance = "house default"
why = "A test."
"""


@pytest.fixture
def impossible(tmp_path: Path) -> str:
    (tmp_path / "impossible.toml").write_text(IMPOSSIBLE)
    return str(tmp_path / "impossible.toml")


def landings(spine: Path) -> tuple[Path, Path, Path]:
    return spine / "cohort", spine / "synthetic", spine / "evaluation"


def test_a_refusal_writes_the_report_for_the_officer_and_no_bundle(
    spine: Path, tmp_path: Path, impossible: str
) -> None:
    with pytest.raises(GateRefused) as refusal:
        release(*landings(spine), tmp_path / "b", name="x", policy=impossible)
    words = str(refusal.value)
    assert "membership_neighbours auc" in words
    assert "threshold 0.001" in words  # which gate, and by how much
    assert " over it" in words
    assert str(tmp_path / "b.refused.html") in words
    assert "</html>" in (tmp_path / "b.refused.html").read_text()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.refused.html", "impossible.toml"]


def test_an_override_releases_and_is_recorded(spine: Path, tmp_path: Path, impossible: str) -> None:
    (tmp_path / "b.refused.html").write_text("of an earlier try")
    result = release(*landings(spine), tmp_path / "b", name="x", policy=impossible, override="board, minute 7")
    assert result["verdict"] == "FAIL"
    assert json.loads((tmp_path / "b" / "public" / "decision.json").read_text())["override"] == "board, minute 7"
    assert "board, minute 7" in (tmp_path / "b" / "public" / "report.html").read_text()
    assert (tmp_path / "b.refused.html").exists()  # evidence of the refusal


def test_a_refusal_leaves_an_earlier_bundle_and_says_so(spine: Path, tmp_path: Path, impossible: str) -> None:
    policy = str(tmp_path / "lenient.toml")
    Path(policy).write_text(IMPOSSIBLE.replace("0.001", "0.99"))
    release(*landings(spine), tmp_path / "b", name="x", policy=policy)
    before = source_hash(tmp_path / "b")
    with pytest.raises(GateRefused, match="holds an earlier bundle"):
        release(*landings(spine), tmp_path / "b", name="x", policy=impossible)
    assert source_hash(tmp_path / "b") == before


def test_figures_of_another_release_are_refused(spine: Path, tmp_path: Path) -> None:
    shutil.copytree(spine / "evaluation", tmp_path / "evaluation")
    manifest = json.loads((tmp_path / "evaluation" / "manifest.json").read_text())
    manifest["made_from"]["synthetic"] = "0" * 64
    (tmp_path / "evaluation" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IncompleteLanding, match="measured on another synthetic"):
        release(spine / "cohort", spine / "synthetic", tmp_path / "evaluation", tmp_path / "b", name="x")


def test_figures_that_were_touched_up_are_refused(spine: Path, tmp_path: Path) -> None:
    shutil.copytree(spine / "evaluation", tmp_path / "evaluation")
    risks = json.loads((tmp_path / "evaluation" / "risk.json").read_text())
    risks[0]["high"] = 0.0
    (tmp_path / "evaluation" / "risk.json").write_text(json.dumps(risks))
    with pytest.raises(IncompleteLanding, match=r"risk\.json changed"):
        release(spine / "cohort", spine / "synthetic", tmp_path / "evaluation", tmp_path / "b", name="x")


def test_the_bundle_of_the_spine_is_whole(spine: Path) -> None:
    bundle = spine / "bundle"
    assert altered(bundle) == []
    looks = [entry.query for entry in Ledger.read(bundle / "public" / "ledger.json").entries]
    assert "figures of the risk report" in looks[-1]
    assert "vocabulary" in looks[0]
    with duckdb.connect(str(bundle / "public" / "cohort.duckdb"), read_only=True) as database:
        n, ids = database.execute("SELECT count(*), count(*) FILTER (synthetic_id < 0) FROM patients").fetchall()[0]
    assert n == ids == training_patients(spine / "cohort")  # as many as there were to learn from


def test_an_unchanged_release_is_skipped_and_a_changed_one_is_not(
    spine: Path, recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = str(recipe_file.parent / "policy.toml")
    for purpose, skipped in [("one", False), ("one", True), ("two", False)]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "synthehr"):
            release(*landings(spine), tmp_path / "b", name="x", purpose=purpose, policy=policy)
        assert ("unchanged, skipped" in caplog.text) is skipped
        assert purpose in (tmp_path / "b" / "public" / "datasheet.md").read_text()


def test_the_register_knows_who_else_has_these_patients(spine: Path, recipe_file: Path, tmp_path: Path) -> None:
    policy, register = str(recipe_file.parent / "policy.toml"), tmp_path / "releases.jsonl"
    earlier = Release(
        name="earlier-teaching-set",
        cohort=source_hash(spine / "cohort"),
        synthetic="0" * 64,
        recipients="the medical school",
        policy="internal_test",
        verdict="PASS",
        epsilon=None,
        patients=500,
        decided="2026-01-31",
        expires="2028-01-31",
    )
    enter(register, earlier)
    terms = Terms(register=register, decided=datetime.date.today())
    for _ in range(2):  # the same release is entered once
        release(*landings(spine), tmp_path / "b", name="x", policy=policy, terms=terms)
    found = read_register(register)
    assert [one.name for one in found] == ["earlier-teaching-set", "x"]
    assert found[1].synthetic == content_hash(spine / "synthetic")
    told = (tmp_path / "b" / "steward" / "report.html").read_text()
    assert "earlier-teaching-set" in told
    assert "the medical school" in told
    assert "earlier-teaching-set" not in (tmp_path / "b" / "public" / "report.html").read_text()


def test_a_refused_release_is_not_in_the_register(spine: Path, tmp_path: Path, impossible: str) -> None:
    terms = Terms(register=tmp_path / "releases.jsonl")
    with pytest.raises(GateRefused):
        release(*landings(spine), tmp_path / "b", name="x", policy=impossible, terms=terms)
    assert not terms.register.exists()


def test_a_key_signs_both_halves(spine: Path, recipe_file: Path, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    policy, terms = str(recipe_file.parent / "policy.toml"), Terms(key=tmp_path / "key.pem")
    release(*landings(spine), tmp_path / "b", name="x", policy=policy, terms=terms)
    for half in ("public", "steward"):
        assert is_signed_by(tmp_path / "b" / half, key.public_key())
    # the private key stays where it was
    assert not [file for file in (tmp_path / "b").rglob("*") if file.is_file() and pem[30:60] in file.read_bytes()]


def test_the_decision_runs_out_by_the_policy(spine: Path, recipe_file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("valid_months = 6\n" + (recipe_file.parent / "policy.toml").read_text())
    day = datetime.date.today().replace(day=1)
    found = release(*landings(spine), tmp_path / "b", name="x", policy=str(policy), terms=Terms(decided=day))
    end = datetime.date(day.year + (day.month + 5) // 12, (day.month + 5) % 12 + 1, 1).isoformat()
    assert found["expires"] == end
    for page in ("public/report.html", "steward/report.html", "public/README.md", "public/croissant.json"):
        assert end in (tmp_path / "b" / page).read_text(), page


def test_the_bundle_of_the_spine_verifies(spine: Path) -> None:
    assert [check.name for check in verify_bundle(spine / "bundle") if not check.holds] == []


def test_the_source_is_named_only_if_it_is_the_source(spine: Path, tmp_path: Path) -> None:
    assert source_name(spine / "cohort") == "Long table of events"
    shutil.copytree(spine / "cohort", tmp_path / "cohort")
    assert source_name(tmp_path / "cohort") == "not stated"


def test_an_evaluation_for_other_declarations_is_told_and_released_all_the_same(
    spine: Path, recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = (recipe_file.parent / "policy.toml").read_text()
    (tmp_path / "other.toml").write_text(f"prior = 0.3\n{policy}")
    told = []
    for chosen in (recipe_file.parent / "policy.toml", tmp_path / "other.toml"):
        caplog.clear()
        with caplog.at_level(logging.INFO, "synthehr"):
            release(*landings(spine), tmp_path / "b", name="x", policy=str(chosen))
        told.append("made for other declarations" in caplog.text)
    assert told == [False, True]
