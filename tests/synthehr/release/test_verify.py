import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from synthehr.errors import IncompleteLanding
from synthehr.release.checksums import write_checksums
from synthehr.release.verify import verify_bundle


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bundle, tmp_path / "copy")


def wrong(folder: Path, **how: Path) -> set[str]:
    return {check.name for check in verify_bundle(folder, **how) if check.holds is False}


def test_a_bundle_holds_in_every_check(bundle: Path) -> None:
    checks = {check.name: check for check in verify_bundle(bundle)}
    assert {name for name, check in checks.items() if not check.holds} == set()
    assert {"manifest", "checksums, public", "checksums, steward", "contents", "ledger", "decision"} <= set(checks)
    # six patients; 4 + 4 + 3 + 5 + 3 + 2 codes of theirs
    assert "6 patients and 21 codes" in checks["contents"].words


def test_the_public_half_can_be_checked_alone(copy: Path, tmp_path: Path) -> None:
    shutil.move(copy / "public", tmp_path / "mailed")
    checks = {check.name: check.holds for check in verify_bundle(tmp_path / "mailed")}
    assert checks.pop("decision") is None  # its figures are in the other half
    assert set(checks.values()) == {True}


@pytest.mark.parametrize("place", ["public/datasheet.md", "steward/risk.json", "public/cohort.duckdb"])
def test_a_changed_byte_is_seen(copy: Path, place: str) -> None:
    file = copy / place
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert {"manifest", f"checksums, {place.split('/')[0]}"} <= wrong(copy)


def drop_a_row(public: Path) -> None:
    file = public / "events" / "data" / "synthetic-00000.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)


def swap_two_counts(public: Path) -> None:
    file = public / "dictionary.csv"
    file.write_text(file.read_text().replace("0.500000,3", "0.666667,4", 1))


def unstamp(public: Path) -> None:
    file = public / "vocabulary.parquet"
    pq.write_table(pq.read_table(file).replace_schema_metadata({}), file)


def forget_a_look(public: Path) -> None:
    file = public / "ledger.json"
    ledger = json.loads(file.read_text())
    ledger["entries"] = []
    file.write_text(json.dumps(ledger))


def claim_less(public: Path) -> None:
    with duckdb.connect(str(public / "cohort.duckdb")) as connection:
        connection.execute("UPDATE _about SET value = 'Epsilon 0.1.' WHERE key = 'differential_privacy'")


def pass_for_real(public: Path) -> None:
    with duckdb.connect(str(public / "cohort.duckdb")) as connection:
        for table in ("patients", "codes", "matrix"):
            connection.execute(f"UPDATE {table} SET synthetic_id = -synthetic_id")


def leave_a_hash(public: Path) -> None:
    file = public / "croissant.json"
    document = json.loads(file.read_text())
    next(item for item in document["distribution"] if "sha256" in item)["sha256"] = "0" * 64
    file.write_text(json.dumps(document))


def say_inconclusive(public: Path) -> None:
    file = public / "decision.json"
    file.write_text(file.read_text().replace('"verdict": "PASS"', '"verdict": "INCONCLUSIVE"', 1))


def raise_a_risk(public: Path) -> None:
    file = public.parent / "steward" / "risk.json"
    risks = json.loads(file.read_text())
    risks[0]["low"] = risks[0]["high"] = 0.9
    file.write_text(json.dumps(risks))


@pytest.mark.parametrize(
    ("tamper", "check"),
    [
        (drop_a_row, "contents"),
        (swap_two_counts, "contents"),
        (pass_for_real, "contents"),
        (unstamp, "stamps"),
        (forget_a_look, "ledger"),
        (claim_less, "ledger"),
        (leave_a_hash, "croissant"),
        (say_inconclusive, "decision"),
        (raise_a_risk, "decision"),
    ],
)
def test_who_mends_the_checksums_is_caught_by_the_figures(
    copy: Path, tamper: Callable[[Path], None], check: str
) -> None:
    tamper(copy / "public")
    (copy / "manifest.json").unlink()
    for half in ("public", "steward"):
        write_checksums(copy / half)
    assert check in wrong(copy)
    assert "checksums, public" not in wrong(copy)  # the control: it was caught by nothing else


@pytest.mark.parametrize(
    ("key", "value"), [("expires", "2099-01-01"), ("verdict", "OVERRIDE"), ("policy", "other"), ("name", "another")]
)
def test_a_manifest_that_says_more_than_the_decision_is_caught(copy: Path, key: str, value: str) -> None:
    file = copy / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["config"][key] = value
    file.write_text(json.dumps(manifest))
    assert wrong(copy) == {"manifest"}


def test_what_went_wrong_is_told_in_words(copy: Path) -> None:
    (copy / "public" / "datasheet.md").write_text("another")
    (copy / "public" / "fidelity.json").unlink()
    (copy / "public" / "new.txt").write_text("")
    words = next(check.words for check in verify_bundle(copy) if check.name == "checksums, public")
    assert words.startswith("since it was written: changed datasheet.md; missing fidelity.json; added new.txt.")


def test_the_verdict_of_the_public_half_is_that_of_its_gates(copy: Path) -> None:
    shutil.rmtree(copy / "steward")
    say_inconclusive(copy / "public")
    assert "verdict" in wrong(copy / "public")


def test_a_signature_is_checked_by_the_key_that_is_given(make_release: Callable, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    out = make_release().write(key=key)
    for name, one in (("own.pem", key), ("other.pem", Ed25519PrivateKey.generate())):
        pem = one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / name).write_bytes(pem)
    signatures = {"signature, public", "signature, steward"}
    assert wrong(out, public_key=tmp_path / "own.pem") == set()
    assert wrong(out, public_key=tmp_path / "other.pem") == signatures
    words = {c.name: c.words for c in verify_bundle(out, public_key=tmp_path / "other.pem")}
    assert all("NOT of the key" in words[name] for name in signatures)
    assert {check.name for check in verify_bundle(out) if check.holds is None} == signatures
    (out / "public" / "SHA256SUMS.sig").unlink()
    assert "signature, public" in wrong(out, public_key=tmp_path / "own.pem")


def test_a_folder_that_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(IncompleteLanding, match="Expected a bundle"):
        verify_bundle(tmp_path)


def test_a_file_that_cannot_be_read_fails_its_checks_and_no_others(copy: Path) -> None:
    (copy / "public" / "croissant.json").write_text("{")
    found = wrong(copy)
    assert {"croissant", "checksums, public", "manifest"} == found
