import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from privacy.policy import GateRefused
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import altered, land, read_manifest, source_hash
from synthehr.release.public import full_decision, full_risks, public_decision, public_risks

PUBLIC = {
    "README.md",
    "SHA256SUMS",
    "cohort.duckdb",
    "croissant.json",
    "data/synthetic-00000.parquet",
    "data/synthetic-00001.parquet",
    "datasheet.md",
    "decision.json",
    "dictionary.csv",
    "events/data/synthetic-00000.parquet",
    "events/data/synthetic-00001.parquet",
    "events/metadata/codes.parquet",
    "events/metadata/dataset.json",
    "fidelity.json",
    "ledger.json",
    "report.html",
    "risk.json",
    "vocabulary.parquet",
}
STEWARD = {"SHA256SUMS", "codes.csv", "decision.json", "fidelity.json", "policy.json", "report.html", "risk.json"}
FILES = {"manifest.json", *(f"public/{name}" for name in PUBLIC), *(f"steward/{name}" for name in STEWARD)}


def listing(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_the_bundle_is_a_whole_landing(bundle: Path) -> None:
    assert {name for name in listing(bundle) if not name.startswith("public/queries/")} == FILES
    assert altered(bundle) == []
    assert read_manifest(bundle, "bundle").config["verdict"] == "PASS"


def test_a_refusal_writes_nothing_and_says_by_how_much(make_release: Callable) -> None:
    release = make_release(auc=0.7)
    before = listing(release.folder)
    with pytest.raises(GateRefused) as refusal:
        release.write()
    # value 0.7, interval 0.69 to 0.71, threshold 0.55
    assert "FAIL: membership auc is 0.7" in str(refusal.value)
    assert "0.15 over it, 0.14 at the least" in str(refusal.value)
    assert listing(release.folder) == before


def test_a_decision_that_contradicts_itself_is_refused(make_release: Callable) -> None:
    release = make_release(auc=0.7)
    with pytest.raises(GateRefused):
        release.write(decision=replace(release.decision, released=True))


def test_an_earlier_bundle_survives_a_refusal(make_release: Callable) -> None:
    first = make_release().write()
    stood = source_hash(first)
    with pytest.raises(GateRefused):
        make_release(auc=0.7).write()
    assert source_hash(first) == stood


def test_an_override_is_recorded_everywhere(make_release: Callable) -> None:
    reason = "A data use agreement binds the recipient"
    out = make_release(auc=0.7, override=reason).write()
    public = out / "public"
    decision = json.loads((public / "decision.json").read_text(encoding="utf-8"))
    assert (decision["verdict"], decision["released"], decision["override"]) == ("FAIL", True, reason)
    assert reason in (public / "README.md").read_text(encoding="utf-8")
    assert reason in (public / "croissant.json").read_text(encoding="utf-8")
    assert read_manifest(out).config["override"] == reason
    with duckdb.connect(str(public / "cohort.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT value FROM _about WHERE key = 'override'").fetchall() == [(reason,)]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed here")
@pytest.mark.parametrize("half", ["public", "steward"])
def test_sha256sum_reads_the_checksums(bundle: Path, tmp_path: Path, half: str) -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=bundle / half, check=False).returncode == 0
    copy = shutil.copytree(bundle / half, tmp_path / "copy")
    (copy / "report.html").write_text("another", encoding="utf-8")
    assert subprocess.run(command, cwd=copy, check=False, capture_output=True).returncode != 0


def contents(bundle: Path) -> str:
    """All that can be read out of a bundle: bytes of every file, cells of every table."""
    parts = [file.read_bytes().decode("latin-1") for file in sorted(bundle.rglob("*")) if file.is_file()]
    for file in sorted(bundle.rglob("*.parquet")):
        parts += [str(pq.read_table(file).to_pydict()), str(pq.read_metadata(file).metadata)]
    with duckdb.connect(str(bundle / "public" / "cohort.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() "
            "UNION SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        )
        for schema, name in names.fetchall():
            parts.append(str(connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall()))
    return "\n".join(parts)


def test_nothing_real_gets_out(make_release: Callable, mark: tuple[str, int], tmp_path: Path) -> None:
    # the mark stands in the synthetic landing's config, lineage and Parquet metadata, and in the evaluation's tables
    with duckdb.connect() as connection:  # and in memory that DuckDB of this process used before
        connection.execute(
            f"CREATE TABLE real AS SELECT '{mark[0]}' || i AS code, {mark[1]} AS id FROM range(200000) t(i)"
        )
        connection.execute("CREATE TABLE sorted AS SELECT * FROM real ORDER BY hash(code)")
    text = contents(make_release().write())
    for trace in (mark[0], str(mark[1]), "0.123456789", "0.071518", str(tmp_path), str(Path.cwd())):
        assert trace not in text
    assert mark[1].to_bytes(8, "little").decode("latin-1") not in text
    assert "Essential" in text  # the control: what is in the bundle is found


@pytest.mark.parametrize("half", ["public", "steward"])
def test_a_path_of_this_machine_is_refused(half: str, make_release: Callable, tmp_path: Path) -> None:
    release = make_release()
    with pytest.raises(BadRequest, match="holds a path of this machine"):
        release.write(pages={half: {"report.html": f"Source: {tmp_path}/extract.zip".encode()}})
    assert not (release.folder / "bundle").exists()
    assert not list(release.folder.glob(".bundle*"))


def test_the_evaluation_of_another_cohort_is_refused(make_release: Callable, tmp_path: Path) -> None:
    release = make_release()
    with land(tmp_path / "other", kind="evaluation", config={}, made_from={"synthetic": "e" * 64}) as folder:
        Evaluation.read(release.evaluation).write(folder)
    with pytest.raises(IncompleteLanding, match="is not the evaluation of"):
        release.write(evaluation=tmp_path / "other")


def test_a_decision_on_other_risks_is_refused(make_release: Callable) -> None:
    release = make_release()
    better = tuple(replace(risk, value=0.4, low=0.39, high=0.41) for risk in release.decision.risks)
    with pytest.raises(IncompleteLanding, match="made on other risks"):
        release.write(decision=replace(release.decision, risks=better))


def test_an_altered_cohort_is_refused(make_release: Callable) -> None:
    release = make_release()
    shard = release.synthetic / "data" / "synthetic-00000.parquet"
    pq.write_table(pq.read_table(shard).slice(0, 1), shard)
    with pytest.raises(IncompleteLanding, match=r"synthetic-00000\.parquet changed"):
        release.write()


def test_a_real_cohort_is_refused(make_release: Callable, tmp_path: Path) -> None:
    release = make_release()
    with land(tmp_path / "cohort", kind="cohort", config={}, made_from={}):
        pass
    with pytest.raises(IncompleteLanding, match="Expected a synthetic"):
        release.write(synthetic=tmp_path / "cohort")


def test_a_positive_id_leaves_no_bundle(make_release: Callable) -> None:
    release = make_release(ids=[-1, -2, -3, -4, -5, 6])
    with pytest.raises(Exception, match="negative ids"):
        release.write()
    assert not (release.folder / "bundle").exists()


def test_same_inputs_same_bytes_but_for_the_database(make_release: Callable) -> None:
    release = make_release()
    first, second = release.write(release.folder / "a"), release.write(release.folder / "b")
    varying = {"public/cohort.duckdb", "public/croissant.json", "public/SHA256SUMS", "manifest.json"}
    for name in FILES - varying:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_public_figures_are_coarser_than_the_stewards(make_release: Callable) -> None:
    out = make_release(auc=0.512345678).write()
    (score,) = json.loads((out / "public" / "fidelity.json").read_text(encoding="utf-8"))
    assert (score["value"], score["skill"]) == (0.981, None)  # floor and ceiling tie: no skill
    (risk,) = json.loads((out / "public" / "risk.json").read_text(encoding="utf-8"))
    assert (risk["value"], risk["verdict"], risk["threshold"], risk["ceiling"]) == (0.51, "PASS", 0.55, None)
    (full,) = json.loads((out / "steward" / "risk.json").read_text(encoding="utf-8"))
    assert full["value"] == 0.512345678


def test_only_figures_of_a_gate_are_public(make_release: Callable) -> None:
    release = make_release()
    (judged,) = release.decision.risks
    extra = replace(judged, metric="tpr_at_fpr_0.01", verdict=None, threshold=None)
    risks = public_risks((replace(judged, note="Worst of 215 codes: ICD9CM/590"), extra))
    assert [(risk["metric"], risk["note"]) for risk in risks] == [("auc", "")]
    assert [risk["metric"] for risk in full_risks((judged, extra))] == ["auc", "tpr_at_fpr_0.01"]


def test_a_reason_that_names_a_code_stays_with_the_steward(make_release: Callable) -> None:
    decision = make_release().decision
    reasons = (
        "PASS: membership auc is 0.5, n = 57. Worst of 215 codes: ICD9CM/590.",
        "PASS: audit of the claim: well.",
    )
    told = public_decision(replace(decision, reasons=reasons), {"expires": "2028-03-01"})
    assert told["reasons"] == ["PASS: audit of the claim: well."]
    assert full_decision(replace(decision, reasons=reasons), {})["reasons"] == list(reasons)


def test_the_stewards_table_of_codes_is_rounded_too(bundle: Path) -> None:
    with (bundle / "steward" / "codes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    # .0715 of 1,000 patients is 71.5, shown as 70; no code is of fewer than 11
    assert {row["prevalence_real"] for row in rows} == {"0.070000"}


def test_the_dictionary_counts_synthetic_patients(bundle: Path) -> None:
    with (bundle / "public" / "dictionary.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["code"] for row in rows][:2] == ["ICD9CM/250", "ICD9CM/401"]
    # three of six patients have each of the two; three are female
    assert [(row["synthetic_prevalence"], row["n_synthetic_patients"]) for row in rows][:4] == [
        ("0.500000", "3")
    ] * 2 + [
        ("0.500000", "3"),
        ("0.500000", "3"),
    ]
    assert rows[1]["description"] == 'Essential "hypertension", benign'
    assert rows[3]["exclusive_group"] == "sex"


def test_progress_is_absolute(make_release: Callable) -> None:
    seen: list[tuple[int, int]] = []
    make_release().write(progress=lambda task, done, total, unit, note="": seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
