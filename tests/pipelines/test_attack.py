import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import sparse

from pipelines import adversary
from pipelines.attack import attack, cut_holdout
from pipelines.attack_table import attack_table, headlines
from privacy.assess import ROC_COLUMNS, Assessment
from privacy.membership.neighbours import calibrated_neighbours
from privacy.policy import GateRefused
from privacy.policy_file import Policy
from privacy.ranks import Targets, auc
from privacy.risk import WITH_REFERENCE, Risk
from privacy.tables.reading import BadTable
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import altered, read_manifest, source_hash

POLICY = """
name = "strict"
purpose = "A policy of one gate"
inconclusive = "refuse"

[[gates]]
attack = "membership_neighbours"
metric = "auc"
threshold = 0.7
provenance = "house default"
why = "A test."
"""
CODES = np.array([f"{250 + k}.{k % 10}" for k in range(40)])
Cli = Callable[..., tuple[int, str, str]]


def people(n: int, seed: int) -> pd.DataFrame:
    """Sex, age and codes; ids are of this seed alone."""
    rng = np.random.default_rng(seed)
    has = rng.random((n, len(CODES))) < 0.6 / np.arange(1, len(CODES) + 1) ** 0.7
    return pd.DataFrame(
        {
            "subject_id": 10_000 * seed + np.arange(n),
            "sex": rng.choice(["F", "M"], n),
            "age": rng.normal(60, 15, n).round().clip(18, 95).astype(int),
            "codes": [";".join(CODES[row]) for row in has],
        }
    )


def written(folder: Path, n: int = 300) -> dict[str, Path]:
    """A training table, a holdout, and two releases: the training records under new ids, and new patients."""
    folder.mkdir(parents=True, exist_ok=True)
    real = people(n, 1)
    tables = {
        "train": real,
        "holdout": people(n, 2),
        "copy": real.sample(frac=1, random_state=0).assign(subject_id=-np.arange(1, n + 1)),
        "fresh": people(n, 3).assign(subject_id=-np.arange(1, n + 1)),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return {name: folder / f"{name}.csv" for name in tables}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both releases put through the whole tier, at `copied` and at `clean`."""
    folder = tmp_path_factory.mktemp("attack")
    files = written(folder)
    for release, name in (("copy", "copied"), ("fresh", "clean")):
        attack(
            files["train"],
            files["holdout"],
            files[release],
            folder / name,
            quasi_identifiers=["sex", "age"],
            previous=files["copy"],
            seed=0,
        )
    return folder


@pytest.fixture
def one_attack(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One membership attack instead of the tier, for tests of the way, which is the same for all; what it was given."""
    got: dict[str, Any] = {}

    def attacked(*, train: CodeMatrix, nonmembers: CodeMatrix, reference: CodeMatrix, **rest: Any) -> Assessment:
        got.update(rest, train=train, nonmembers=nonmembers, reference=reference)
        sides = (train.binary(), nonmembers.binary())
        values = []
        for release in (rest["synthetic"].binary(), rest["fresh"].binary()):
            values.append(auc(Targets(*(calibrated_neighbours(side, reference.binary())(release) for side in sides))))
        found, control = values
        risk = Risk(
            attack="membership_neighbours",
            knowledge=WITH_REFERENCE,
            metric="auc",
            value=found.value,
            low=found.low,
            high=found.high,
            control=control.value,
            n=len(train),
        )
        return Assessment(risks=(risk,), roc=pd.DataFrame(columns=ROC_COLUMNS))

    monkeypatch.setattr(adversary, "attack", attacked)
    return got


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return written(tmp_path / "in", 120)


@pytest.fixture
def policy(tmp_path: Path) -> str:
    (tmp_path / "strict.toml").write_text(POLICY)
    return str(tmp_path / "strict.toml")


def asked(files: dict[str, Path], release: str, out: Path) -> list[str | Path]:
    given = {"train": files["train"], "holdout": files["holdout"], "synthetic": files[release], "out": out}
    return ["attack", *(word for name, path in given.items() for word in (f"--{name}", path))]


def risks(landing: Path) -> dict[tuple[str, str], Risk]:
    found = [Risk(**risk) for risk in json.loads((landing / "risk.json").read_text())]
    return {(risk.attack, risk.metric): risk for risk in found}


def test_a_training_copy_is_found_and_a_release_without_a_leak_is_not(tried: Path) -> None:
    copied, clean = risks(tried / "copied"), risks(tried / "clean")
    key = ("membership_neighbours", "auc")
    assert copied[key].low > 0.6
    assert copied[key].value == copied[key].ceiling  # the release is what the ceiling is made of
    assert clean[key].low < 0.5 < clean[key].high
    assert min(risk.p_adjusted for risk in copied.values() if risk.p_adjusted is not None) < 1e-6
    assert min(risk.p_adjusted for risk in clean.values() if risk.p_adjusted is not None) > 1e-3
    verdicts = [json.loads((tried / name / "verdict.json").read_text())["verdict"] for name in ("copied", "clean")]
    assert verdicts[0] == "FAIL"
    assert verdicts[1] != "FAIL"


def test_an_independent_sampler_and_the_earlier_release_stand_beside_it(tried: Path) -> None:
    found = risks(tried / "clean")
    others = found["membership_neighbours", "auc"].others
    assert set(others) == {"independent", "previous_release", "k_anonymised_5", "k_anonymised_11"}
    # the earlier release is a copy of the training table, coded with the same columns
    assert others["previous_release"] == found["membership_neighbours", "auc"].ceiling
    assert abs(others["independent"] - 0.5) < 0.1
    assert ", previous_release " in (tried / "clean" / "risk.md").read_text()
    assert set(read_manifest(tried / "clean").made_from) == {"train", "holdout", "synthetic", "previous"}


def test_an_independent_record_has_one_category_or_none_as_often_as_training_records() -> None:
    rng = np.random.default_rng(0)
    group, other = rng.choice(3, 4_000, p=[0.6, 0.3, 0.1]), rng.random(4_000) < 0.2
    dense = np.stack([group == 0, group == 1, other], axis=1)  # the third has no code of the group
    words = Vocabulary(("flag", "flag=missing", "x"), ("",) * 3, ("flag", "flag", None))
    train = CodeMatrix(canonical(sparse.csr_matrix(dense)), np.arange(4_000), words)
    drawn = adversary.independent_records(train, 20_000, seed=[1, 2])
    assert len(drawn) == 20_000
    in_group = np.asarray(drawn.binary()[:, :2].sum(axis=1)).ravel()
    assert set(in_group) == {0, 1}
    assert np.mean(in_group == 0) == pytest.approx(np.mean(group == 2), abs=0.01)
    assert drawn.prevalence() == pytest.approx(train.prevalence(), abs=0.02)
    again = adversary.independent_records(train, 20_000, seed=[1, 2])
    assert (drawn.counts != again.counts).nnz == 0


def test_a_landing_is_whole_and_names_no_patient(tried: Path) -> None:
    landing = tried / "clean"
    assert read_manifest(landing, "attack").made_from["train"] == source_hash(tried / "train.csv")
    assert altered(landing) == []
    assert sorted(f.name for f in landing.iterdir()) == [
        "manifest.json",
        "risk.json",
        "risk.md",
        "roc.parquet",
        "verdict.json",
    ]
    assert list(pd.read_parquet(landing / "roc.parquet")) == ["attack", "place", "fpr", "tpr"]
    text = "".join(file.read_text() for file in landing.iterdir() if file.suffix in (".json", ".md"))
    assert str(tried) not in text
    # 10,000 to 20,299 are ids of this extract
    assert not {f"{who}" for who in range(10_000, 10_300)} & set(text.replace(",", " ").split())


def test_the_headlines_show_every_attack_and_every_gate(tried: Path) -> None:
    found = tuple(risks(tried / "clean").values())
    shown = headlines(found)
    assert {risk.attack for risk in shown} == {risk.attack for risk in found}
    assert all(risk in shown for risk in found if risk.verdict)
    page = (tried / "clean" / "risk.md").read_text()
    assert page.count("\n| membership_neighbours |") == sum(risk.attack == "membership_neighbours" for risk in shown)
    assert attack_table(tried / "clean").row_count == len(shown)


def test_the_table_fits_a_terminal(tried: Path) -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(attack_table(tried / "copied"))
    lines = captured.get().splitlines()
    assert "…" not in captured.get()
    assert max(map(len, lines)) <= 80
    first = next(k for k, line in enumerate(lines) if line.split()[:1] == ["membership_neighbours_"])
    assert lines[first + 1].split()[0] == "rarity"  # a name is cut at an underscore


def test_the_holdout_is_cut_in_parts_that_share_nobody() -> None:
    cut = cut_holdout(41, seed=3)
    parts = (cut.nonmembers, cut.reference, cut.fresh)
    assert [len(part) for part in parts] == [20, 10, 11]
    assert sorted(np.concatenate(parts)) == list(range(41))
    assert not np.array_equal(cut.nonmembers, cut_holdout(41, seed=4).nonmembers)


def test_the_same_seed_gives_the_same_bytes(files: dict[str, Path], tmp_path: Path, one_attack: dict[str, Any]) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        attack(files["train"], files["holdout"], files["fresh"], tmp_path / name, seed=seed)
    one, same, other = (source_hash(tmp_path / name) for name in "abc")
    assert one == same != other


def test_quasi_identifiers_are_groups_of_which_every_record_has_one(
    files: dict[str, Path], tmp_path: Path, one_attack: dict[str, Any]
) -> None:
    for path in files.values():
        table = pd.read_csv(path)
        table.assign(smoker=table["age"] % 2).to_csv(path, index=False)
    attack(
        files["train"], files["holdout"], files["fresh"], tmp_path / "e", quasi_identifiers=["smoker", "age"], seed=0
    )
    rules: Policy = one_attack["policy"]
    assert rules.quasi_identifiers == ("smoker", "age")
    train: CodeMatrix = one_attack["train"]
    for name in rules.quasi_identifiers:
        columns = train.vocabulary.groups[name]
        assert set(np.asarray(train.binary()[:, columns].sum(axis=1)).ravel()) == {1}
    assert [train.vocabulary.code[j] for j in train.vocabulary.groups["smoker"]] == ["smoker=0", "smoker=1"]


def test_the_command_prints_a_table_and_refuses_only_if_asked(
    files: dict[str, Path], tmp_path: Path, policy: str, cli: Cli, one_attack: dict[str, Any]
) -> None:
    code, out, err = cli(*asked(files, "copy", tmp_path / "e"))
    assert code == 0
    for words in ("membership_neighbours", "interval", "ceiling", "Left out as ids: 'subject_id'", "not asked for"):
        assert words in out
    assert "reading: 3 table" in err
    code, out, err = cli(*asked(files, "copy", tmp_path / "e"), "--policy", policy)
    assert code == 4
    assert "membership_neighbours auc is" in err
    assert str(tmp_path / "e") in err
    assert "--override" not in err  # there is nothing to override
    assert json.loads((tmp_path / "e" / "verdict.json").read_text())["released"] is False
    assert cli(*asked(files, "fresh", tmp_path / "f"), "--policy", policy)[0] == 0


def test_json_is_one_object(files: dict[str, Path], tmp_path: Path, cli: Cli, one_attack: dict[str, Any]) -> None:
    code, out, _ = cli(*asked(files, "fresh", tmp_path / "e"), "--json", "--seed", "5")
    found = json.loads(out)
    assert code == 0
    assert (found["attack"], found["seed"]) == (str(tmp_path / "e"), 5)
    assert found["records"] == {"train": 120, "holdout": 120, "synthetic": 120}
    assert found["columns"] == {"sex": "category", "age": "number", "codes": "codes"}
    assert set(found["headlines"][0]) >= {"attack", "metric", "value", "low", "high", "control", "ceiling", "n"}


def test_declared_columns_are_read_from_a_file(
    files: dict[str, Path], tmp_path: Path, cli: Cli, one_attack: dict[str, Any]
) -> None:
    declared = tmp_path / "columns.toml"
    declared.write_text('[columns]\nage = "category"\nsex = "id"\n')
    code, out, _ = cli(*asked(files, "fresh", tmp_path / "e"), "--columns", declared, "--json")
    assert code == 0
    assert json.loads(out)["columns"] == {"age": "category", "codes": "codes"}
    assert read_manifest(tmp_path / "e").config["columns"] == {"age": "category", "sex": "id"}


@pytest.mark.parametrize(
    ("text", "words"),
    [("columns = 3", "columns"), ('[columns]\nage = "nmber"', "age"), ("[colums]", "colums"), ("= =", "is not TOML")],
)
def test_a_bad_declaration_is_said_before_anything_is_read(
    text: str, words: str, files: dict[str, Path], tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "columns.toml").write_text(text)
    code, _, err = cli(*asked(files, "fresh", tmp_path / "e"), "--columns", tmp_path / "columns.toml")
    assert (code, "Traceback" in err) == (2, False)
    assert words in err
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("change", "exit_code", "words"),
    [
        (["--previous", "{in}/absent.csv"], 2, "--previous {in}/absent.csv"),
        (["--previous", "{in}/other.csv"], 3, "previous table other.csv has other columns"),
        (["--policy", "publc"], 2, "publc"),
        (["--quasi-identifiers", "sx"], 2, "no column 'sx'. Did you mean 'sex'?"),
        (["--quasi-identifiers", "sex,codes"], 2, "'codes' holds many codes a record"),
        (["--holdout", "{train}"], 2, "are one table"),
        (["--synthetic", "{in}/absent.csv"], 2, "absent.csv"),
        (["--synthetic", "{in}"], 3, "folder without Parquet"),
        (["--synthetic", "{in}/cells.csv"], 3, "row 3 has 3 cells"),
        (["--synthetic", "{in}/other.csv"], 3, "lacks 'codes' and has besides 'code'"),
        (["--out", "{in}"], 2, "Choose another --out"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_message(
    change: list[str], exit_code: int, words: str, files: dict[str, Path], tmp_path: Path, cli: Cli
) -> None:
    folder = files["train"].parent
    (folder / "cells.csv").write_text("sex,age\nF,40\nSECRET77,F,40\n")
    people(60, 4).rename(columns={"codes": "code"}).to_csv(folder / "other.csv", index=False)
    places = {"train": files["train"], "in": folder}
    arguments = asked(files, "fresh", tmp_path / "e")
    code, out, err = cli(*arguments, *(word.format(**places) for word in change))
    assert code == exit_code, err
    assert words.format(**places) in err
    assert "Traceback" not in err
    assert "SECRET" not in err
    assert out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_nothing_of_a_failed_attack_is_left(files: dict[str, Path], tmp_path: Path) -> None:
    people(60, 4).drop(columns="sex").to_csv(files["fresh"], index=False)
    with pytest.raises(BadTable, match="lacks 'sex'"):
        attack(files["train"], files["holdout"], files["fresh"], tmp_path / "e", seed=0)
    assert not any(tmp_path.glob("*e*"))


def test_errors_of_the_stage_are_of_the_house(
    files: dict[str, Path], tmp_path: Path, policy: str, one_attack: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest, match="are one table"):
        attack(files["train"], files["train"], files["fresh"], tmp_path / "e", seed=0)
    with pytest.raises(GateRefused, match=r"(?s)The policy strict refuses this table\.\nFAIL.*All figures: "):
        attack(files["train"], files["holdout"], files["copy"], tmp_path / "e", policy=policy, seed=0)
    assert altered(tmp_path / "e") == []  # refused, and written all the same: it says why
