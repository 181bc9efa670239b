"""Imports go down the four floors only, and every package installs what it imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOOR = {"privacy": 1, "synthehr": 2, "reports": 3, "pipelines": 4}
SOURCES = sorted(f for package in FLOOR for f in (ROOT / package).rglob("*.py"))


def upward_imports(source: str, package: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return [name for name in names if FLOOR.get(name.split(".")[0], 0) > FLOOR[package]]


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_go_down_only(file: Path) -> None:
    assert upward_imports(file.read_text(encoding="utf-8"), file.relative_to(ROOT).parts[0]) == []


def test_the_check_catches_an_upward_import() -> None:
    assert upward_imports("from reports.figures import roc", "privacy") == ["reports.figures"]
    assert upward_imports("def f():\n    import pipelines.cli", "synthehr") == ["pipelines.cli"]
