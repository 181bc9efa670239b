"""One extract and one whole run of all five stages, made once and read by every test of this floor."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from pipelines.cli import app
from pipelines.recipe import load_recipe
from pipelines.run import run
from synthehr.events.simulated.simulate import simulate_events

PATIENTS = 1_500
RECIPE = """
name = "tiny"
purpose = "A test of the whole way"
seed = 3

[cohort]
min_patients = 8 # a smaller vocabulary: the copula's fit grows with its cube

[train]
model = "medgan"

[train.options]
epochs = 2
pretrain_epochs = 2
batch_size = 200
pool = 2000
device = "cpu"

[fidelity]
rules = [["ICD9CM/185", "SEX/female"], ["ICD9CM/401", "RACE/white"]] # the second is none, so it is surely not learned
effects = [["ICD9CM/250", "ICD9CM/428"], ["ICD9CM/401", "ICD9CM/414"], ["SEX/male", "ICD9CM/305"]]
outcomes = ["ICD9CM/428", "ICD9CM/250"]

[release]
policy = "policy.toml"
"""
# the tests of this floor are about the way, not the judgement: with some 225 non-members nothing could be shown
POLICY = """
name = "tiny_policy"
purpose = "A policy that any release passes"
inconclusive = "allow"
quasi_identifiers = ["sex", "age", "race"]

[[gates]]
attack = "membership_neighbours"
metric = "auc"
threshold = 0.99
provenance = "house default"
why = "A test."
"""


# what no release may hold, in the codes of 30 patients each, after all that they had: the text to look for, the code
PLANTED = {
    "02139-4307": "ZIP/02139-4307",
    "K8812345": "MRN/K8812345",
    "Mrs Doe": "NOTE/Mrs Doe was seen on the ward on Tuesday and told that her left knee has been hurting for weeks",
    "1983-04-12": "BORN/1983-04-12",
    "jane.doe": "CONTACT/jane.doe@example.org",
    "078-05-1120": "NUMBER/078-05-1120",
    "AGE/97": "AGE/97",
}


NUMBERS_FROM = 7_151_842_424_242_424  # added to the number of each patient
AUTHOR = "Dr. K. Mustermann, ward 7b"


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = folder.with_name(f"{name}.partial")
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    return folder


def write_extract(folder: Path) -> None:
    simulate_events(folder / "simulated" / "events", n_patients=PATIENTS, seed=1)
    events = folder / "simulated" / "events" / "data"
    number = f"subject_id + {NUMBERS_FROM} AS subject_id"
    simulated = f"SELECT {number}, time, code, numeric_value AS value, visit_id FROM '{events}/*.parquet'"
    planted = ", ".join(f"'{code}'" for code in PLANTED.values())
    last = f"""SELECT subject_id + {NUMBERS_FROM}, max(time) AS time, unnest([{planted}]), NULL, max(visit_id)
      FROM '{events}/*.parquet' GROUP BY subject_id ORDER BY subject_id LIMIT 30 * {len(PLANTED)}"""
    rows = f"{simulated} UNION ALL ({last})"
    author = f"KV_METADATA {{author: '{AUTHOR}'}}"
    duckdb.execute(f"COPY ({rows}) TO '{folder}/events.parquet' (FORMAT parquet, {author})")
    shutil.rmtree(folder / "simulated")


@pytest.fixture(scope="session")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long table of simulated patients, with `PLANTED` among their codes and `AUTHOR` in the file's own metadata.

    Patients' numbers are large, so that no other number has the same eight bytes.
    """
    return made_once(tmp_path_factory, "extract", write_extract)


def write_recipe(folder: Path) -> None:
    (folder / "policy.toml").write_text(POLICY)
    (folder / "tiny.toml").write_text(RECIPE)


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "recipe", write_recipe) / "tiny.toml"


def write_spine(folder: Path, extract: Path, recipe_file: Path) -> None:
    run(load_recipe(recipe_file), extract, folder)


@pytest.fixture(scope="session")
def spine(extract: Path, recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all six landings. Tests read it and leave it as it is."""
    return made_once(tmp_path_factory, "spine", lambda folder: write_spine(folder, extract, recipe_file))


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Exit code, standard output and standard error of a command, in this process."""
    monkeypatch.setenv("COLUMNS", "300")  # a name in a message is not broken, however long the folder's is

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return call
