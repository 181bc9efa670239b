import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.sections import Train
from pipelines.train import train
from synthehr.landing import partial_path, read_manifest, source_hash
from synthehr.release.researcher import example_queries

Cli = Callable[..., tuple[int, str, str]]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", *map(str, arguments)]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def test_ingest_to_generate_with_json(extract: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, err = cli("ingest", extract, "--out", tmp_path, "--json")
    assert code == 0
    assert json.loads(out)["cohort"]["patients"] == 1_500
    assert "ingest:" in err
    assert read_manifest(tmp_path / "cohort", "cohort").config["seed"] == 0
    code, out, _ = cli("train", tmp_path / "cohort", "--out", tmp_path / "run", "--model", "independent", "--json")
    assert (code, json.loads(out)["model"]) == (0, "independent")
    code, out, _ = cli("generate", tmp_path / "run", "--out", tmp_path / "s", "-n", "70", "--seed", "4", "--json")
    assert (code, json.loads(out)["patients"]) == (0, 70)


def test_without_json_people_read_where_things_are(extract: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli("ingest", extract, "--out", tmp_path)
    assert code == 0
    assert f"cohort: {tmp_path / 'cohort'} (1,500 patients" in out
    assert "\x1b" not in out


def test_a_recipe_decides_the_cohort(extract: Path, tmp_path: Path, recipe_file: Path, cli: Cli) -> None:
    assert cli("ingest", extract, "--out", tmp_path, "--recipe", recipe_file)[0] == 0
    assert read_manifest(tmp_path / "cohort", "cohort").config["seed"] == 3


def test_explain_prints_sql_and_does_nothing(extract: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli("ingest", extract, "--explain")
    assert code == 0
    assert "events.parquet" in out
    assert "SELECT" in out
    assert list(tmp_path.iterdir()) == []


def test_run_on_what_is_complete_ends_with_the_table(
    spine: Path, extract: Path, recipe_file: Path, tmp_path: Path, cli: Cli
) -> None:
    shutil.copytree(spine, tmp_path / "out")
    code, out, err = cli("run", recipe_file, "--extract", extract, "--out", tmp_path / "out")
    assert code == 0
    assert err.count("complete and unchanged, skipped") == 6
    for word in ("medgan", "copula", "independent", "holdout", "verdict: ", str(tmp_path / "out" / "bundle")):
        assert word in out


def test_release_refuses_with_4_and_releases_with_a_reason(
    spine: Path, recipe_file: Path, tmp_path: Path, cli: Cli
) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text((recipe_file.parent / "policy.toml").read_text().replace("0.99", "0.001"))
    asked = ["release", "--out", tmp_path / "b", "--policy", policy, "--run", spine / "run"]
    asked += [x for name in ("cohort", "synthetic", "evaluation") for x in (f"--{name}", spine / name)]
    code, _, err = cli(*asked)
    assert code == 4
    assert "threshold 0.001" in err
    assert "Traceback" not in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.refused.html", "p.toml"]
    code, out, _ = cli(*asked, "--override", "for a test")
    assert code == 0
    assert 'verdict: FAIL (overridden: "for a test")' in out
    assert example_queries(tmp_path / "b" / "public" / "cohort.duckdb")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["train", "{spine}/cohort", "--out", "{tmp}/r", "--model", "medgn"], 2, "Did you mean 'medgan'"),
        (["train", "{spine}/cohort", "--out", "{tmp}/r", "--option", "pol=3"], 2, "pol"),
        (["train", "{spine}/cohort", "--out", "{tmp}/r", "--epochs", "1", "--minutes", "1"], 2, "contradict"),
        (["train", "{spine}/events", "--out", "{tmp}/r"], 3, "it is a landing of kind events"),
        (["train", "{spine}", "--out", "{tmp}/r"], 3, "has no manifest"),
        (["train", "{spine}/cohort", "--out", "{spine}/events"], 2, "Choose another --out"),
        (["generate", "{tmp}/absent", "--out", "{tmp}/s", "-n", "5"], 3, "does not exist. Run synthehr train"),
        (["train", "{tmp}/absent", "--out", "{tmp}/r"], 3, "Run synthehr ingest"),
        (["generate", "{spine}/run", "--out", "{tmp}/s"], 2, "-n"),
        (
            ["evaluate", "--cohort", "{spine}/run", "--synthetic", "{spine}/synthetic", "--out", "{tmp}/e"],
            3,
            "kind run",
        ),
        (["ingest", "{tmp}", "--out", "{tmp}/x"], 3, ""),
        (["ingest", "{tmp}/absent", "--out", "{tmp}/x"], 2, "absent"),
        (["ingest", "{tmp}"], 2, "--out"),
        (["ingest", "{tmp}", "--out", "{tmp}/x", "--format", "mimic9"], 2, "mimic"),
        (["run", "diabetes13", "--extract", "{tmp}"], 2, "Did you mean 'diabetes130'"),
        (["trian"], 2, "train"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_message(
    arguments: list[str], exit_code: int, words: str, spine: Path, tmp_path: Path, cli: Cli
) -> None:
    code, out, err = cli(*(argument.format(spine=spine, tmp=tmp_path) for argument in arguments))
    assert code == exit_code
    assert words in err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_no_patient_value_is_printed(tmp_path: Path, cli: Cli) -> None:
    rows = [f"{subject},SECRET-DATE,ICD9CM/250.00," for subject in range(77_001, 77_100)]
    (tmp_path / "events.csv").write_text("\n".join(["subject_id,time,code,value", *rows]) + "\n")
    code, out, err = cli("ingest", tmp_path / "events.csv", "--out", tmp_path / "x")
    assert code == 3
    assert "events.csv" in err
    assert "time" in err
    assert "SECRET" not in out + err
    assert "770" not in err
    assert list((tmp_path / "x").iterdir()) == []


def test_interrupted_training_goes_on_by_the_same_command_to_the_same_bytes(spine: Path, tmp_path: Path) -> None:
    options = {"pool": 1000, "pretrain_epochs": 3, "judge_every": 1000, "epochs": 12, "device": "cpu"}
    given = [f"--option={name}={options[name]}" for name in ("pool", "pretrain_epochs", "judge_every")]
    given += ["--model=medgan_paper", "--epochs=12", "--device=cpu"]
    asked = command("train", spine / "cohort", "--out", tmp_path / "run", *given)
    checkpoint = partial_path(tmp_path / "run") / "checkpoints" / "autoencoder.pt"
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        while not checkpoint.is_file() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate()
    assert process.returncode == 130
    assert f"train {spine / 'cohort'} --out {tmp_path / 'run'}" in words
    assert "Traceback" not in words
    assert not (tmp_path / "run").exists()
    assert checkpoint.is_file()

    again = subprocess.run(asked, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert "going on from where it stopped" in again.stderr
    train(spine / "cohort", tmp_path / "whole", Train(model="medgan_paper", options=options), seed=0)
    assert source_hash(tmp_path / "run") == source_hash(tmp_path / "whole")


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    script = f"mount -t tmpfs -o size=64k none {folder}"
    return subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, check=False).returncode == 0


def test_a_disk_that_is_really_full_leaves_nothing_half_written(extract: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("needs unshare and the right to mount a small file system of its own")
    asked = " ".join(command("ingest", extract, "--out", disk / "out"))
    script = f"mount -t tmpfs -o size=64k none {disk} && {{ {asked}; code=$?; ls -A {disk}/out; exit $code; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "The disk is full." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.split() == [".events.partial"]  # what was read, for the next run; nothing under a final name
