import os
import subprocess
import sys

import pytest

from pipelines import completion
from privacy.policy_file import SHIPPED
from synthehr.events.mapping_file import known_mappings
from synthehr.models import registry

START = "from pipelines.cli import main; main()"


def complete(words: str, shell: str) -> str:
    asked = {
        "_SYNTHEHR_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [sys.executable, "-c", START], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("words", "shell", "there", "not_there"),
    [
        ("synthehr pol", "bash", "policy", "plan"),
        ("synthehr run diab", "bash", "diabetes130_private", "mimic3"),
        ("synthehr ingest x --format fh", "zsh", "fhir_r4", "omop"),
        ("synthehr train c --model med", "fish", "medgan_paper", "copula"),
        ("synthehr release --policy in", "bash", "internal_test", "public_release"),
    ],
)
def test_a_shell_is_told_the_names_that_go_on_so(words: str, shell: str, there: str, not_there: str) -> None:
    found = complete(words, shell)
    assert there in found
    assert not_there not in found


def test_names_are_those_that_there_are() -> None:
    assert completion.MODELS == registry.NAMES
    assert [f"private_{name}" for name in completion.PRIVATE_MODELS] == list(registry.PRIVATE)
    assert completion.format_names("") == sorted(known_mappings())
    assert completion.policy_names("") == sorted(file.stem for file in SHIPPED.glob("*.toml"))
    assert "demo" in completion.recipe_names("")
    assert completion.recipe_names("no such") == []


def test_a_completion_waits_for_no_torch() -> None:
    script = "import sys, pipelines.cli, pipelines.completion as c; c.policy_names(''); c.format_names(''); "
    script += "print('torch' in sys.modules, 'duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
