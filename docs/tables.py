"""The tables of the guide, written from the code, so that they cannot say what it no longer does.

    python -m docs.tables        writes docs/generated/*.md, which the pages include

A test compares what is there with what would be written.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from docs.commands import command_sections
from docs.keys import Key, keys_of, keys_of_arguments
from pipelines import sections
from pipelines.console import EXIT_CODES
from pipelines.recipe import Recipe
from privacy.hazards import OF_ANY_RELEASE
from privacy.policy_file import SHIPPED, Gate, Policy, load_policy
from privacy.sensitive_codes import topics
from privacy.statement import NOT_COVERED
from reports import fidelity_words
from reports.stories import ATTACKS, METRICS
from reports.study import verdicts
from reports.wording import GLOSSARY, SCORES
from synthehr.cohort.options import CohortOptions
from synthehr.models.copula import Copula
from synthehr.models.independent import Independent
from synthehr.models.medgan.model import Medgan, MedganPaper
from synthehr.models.medgan.options import MedganOptions
from synthehr.models.private.medgan import PrivateMedganOptions
from synthehr.models.private.options import PrivateOptions
from synthehr.models.private.transformer import PrivateTransformerOptions
from synthehr.models.transformer.options import TransformerOptions
from synthehr.release.fitness.verdict import MEANING
from synthehr.release.macros import MACROS, SAMPLING

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "docs" / "generated"
NOTEBOOK = ROOT / "docs" / "notebook" / "bundle_to_study.ipynb"
BY_HAND = "<!-- written by python -m docs.tables; do not edit -->\n\n"
EPSILONS, DELTA = (0.1, 0.5, 1.0, 3.0, 8.0), 1e-6
# section of a recipe -> the class that reads it
SECTIONS: Mapping[str, type[Any]] = {
    "ingest": sections.Ingest,
    "cohort": CohortOptions,
    "train": sections.Train,
    "generate": sections.Generate,
    "evaluate": sections.Evaluate,
    "fidelity": sections.Fidelity,
    "release": sections.Release,
}


def recipe_tables() -> str:
    """Every key of every section of a recipe."""
    top = [key for key in keys_of(Recipe) if key.name not in SECTIONS]
    parts = [f"### At the top\n\n{key_table(top)}"]
    parts += [f"### `[{name}]`\n\n{key_table(keys_of(cls))}" for name, cls in SECTIONS.items()]
    return "\n".join(parts)


def model_tables() -> str:
    """`[train.options]` of every generator."""
    read: Mapping[str, list[Key]] = {
        "transformer": keys_of(TransformerOptions),
        "medgan": keys_of(MedganOptions, defaults=Medgan.defaults),
        "copula": keys_of_arguments(Copula),
        "independent": keys_of_arguments(Independent),
        "private_copula": keys_of(PrivateOptions),
        "private_transformer": keys_of(PrivateTransformerOptions),
        "private_medgan": keys_of(PrivateMedganOptions),
    }
    own = ", ".join(f"`{name} = {value!r}`" for name, value in MedganPaper.defaults.items())
    notes = {
        "medgan": f"`medgan_paper` reads the same keys with the paper's defaults; its own: {own or 'none'}.\n\n",
        "private_copula": "`private_independent` reads the same keys.\n\n",
    }
    return "\n".join(f"### `{name}`\n\n{notes.get(name, '')}{key_table(keys)}" for name, keys in read.items())


def key_table(keys: Iterable[Key]) -> str:
    """Rows of name, words, type and default."""
    return table(
        ("key", "what it does", "type", "default"),
        ((f"`{key.name}`", key.words, key.type, key.default) for key in keys),
    )


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown; a bar within a cell is escaped."""
    lines = [f"| {' | '.join(heads)} |"]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def policy_keys() -> str:
    """The keys of a policy file."""
    gate = key_table(keys_of(Gate))
    return f"{key_table(keys_of(Policy))}\n### `[[gates]]`, one table a gate\n\n{gate}"


def shipped_policies() -> str:
    """What each policy that comes along demands."""
    parts = []
    for file in sorted(SHIPPED.glob("*.toml")):
        policy = load_policy(file)
        rows = [
            (
                f"`{gate.attack}` `{gate.metric}`",
                f"below {gate.threshold:g}" if gate.threshold is not None else f"p of {gate.alpha:g} or more",
                gate.why,
                gate.provenance,
            )
            for gate in policy.gates
        ]
        doubt = f"Where a gate is INCONCLUSIVE: {policy.inconclusive}. Holds for {policy.valid_months} months."
        facts = f"{policy.purpose} To: {policy.recipients}. Controls: {policy.controls}. {doubt}"
        gates = table(("gate", "must be", "why", "where the threshold comes from"), rows)
        parts.append(f"### `{policy.name}`\n\n{facts}\n\n{gates}")
    return "\n".join(parts) + f"\nSensitive topics: {', '.join(f'`{topic}`' for topic in topics())}.\n"


def score_table() -> str:
    """Fidelity scores in words."""
    return table(("score", "what it is"), ((f"`{name}`", words) for name, words in SCORES.items()))


def study_table() -> str:
    """Kinds of study, the figure that answers for each, and the rule."""
    rows = ((one.title, one.measured or one.why, one.rule or "no figure can") for one in verdicts(()))
    return table(("kind of study", "the figure that answers for it", "yes, or with care, where"), rows)


def attack_table() -> str:
    """Attackers, and what the figures of an attack say."""
    attacks = "\n".join(f"### {one.title}\n\n`{name}`. {one.story}\n" for name, one in ATTACKS.items())
    metrics = table(("metric", "what it says"), ((f"`{_plain(pattern)}`", words) for pattern, words in METRICS))
    return f"{attacks}\n## What the figures of an attack say\n\n{metrics}"


def _plain(pattern: str) -> str:
    """A pattern of `METRICS` as a reader writes it: groups as the letter that they are called by."""
    return re.sub(r"\(([^)?][^)]*)\)\?", r"[\1]", re.sub(r"\(\?P<(\w+)>(?:\[[^\]]*\]|[^()])*\)", r"{\1}", pattern))


def glossary() -> str:
    """The words of both reports; where they say a word differently, as the risk report does."""
    words = sorted((fidelity_words.GLOSSARY | GLOSSARY).items())
    return "\n".join(f"**{word}**\n:   {meaning}\n" for word, meaning in words)


def hazard_table() -> str:
    """The hazards of NIST SP 800-226 and how they stand for any release under a budget."""
    return table(("hazard", "standing", "why"), OF_ANY_RELEASE)


def epsilon_table() -> str:
    """How often the best guess is right, by epsilon (Kairouz et al. 2015), as `privacy.statement` says it."""
    shares = {epsilon: 1 - (1 - DELTA) / (1 + math.exp(epsilon)) for epsilon in EPSILONS}
    return table(("epsilon", "right in at most"), ((f"{e:g}", f"{100 * share:.2f} %") for e, share in shares.items()))


def not_covered() -> str:
    """What no claim of differential privacy here covers: the words of the claim itself."""
    parts = NOT_COVERED.removeprefix("Not covered:").rstrip(".").split(";")
    return "\n".join(f"- {part.strip()}" for part in parts) + "\n"


def fitness_table() -> str:
    """The verdicts of a query fitness card."""
    return table(("verdict", "what it means"), MEANING.items())


def macro_table() -> str:
    """The macros of `cohort.duckdb`."""
    rows = ((f"`{one.name}({one.parameters})`", one.says.replace(f" {SAMPLING}", "")) for one in MACROS)
    return table(("macro", "what it answers"), rows)


def exit_codes() -> str:
    """Exit codes of every command."""
    rows = (part.strip().split(" ", 1) for part in EXIT_CODES.split(","))
    return table(("code", "meaning"), ((f"`{code}`", words) for code, words in rows))


def formats() -> str:
    """The section of the README, one level down: it is written once."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Formats\n(.*?)(?=^A recipe's `\[cohort\]`)", readme, re.S | re.M)
    assert section is not None, "README.md has a section Formats, and a recipe's [cohort] after it"
    return section[1].strip() + "\n"


def notebook() -> str:
    """The notebook as a page, without outputs."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    parts = [c.source if c.cell_type == "markdown" else f"```python\n{c.source}\n```" for c in cells]
    return "\n\n".join(parts) + "\n"


WRITERS: Mapping[str, Callable[[], str]] = {
    "recipe_keys": recipe_tables,
    "model_keys": model_tables,
    "policy_keys": policy_keys,
    "policies": shipped_policies,
    "scores": score_table,
    "studies": study_table,
    "attacks": attack_table,
    "glossary": glossary,
    "hazards": hazard_table,
    "epsilon": epsilon_table,
    "not_covered": not_covered,
    "fitness": fitness_table,
    "macros": macro_table,
    "exit_codes": exit_codes,
    "commands": command_sections,
    "formats": formats,
    "notebook": notebook,
}


def main() -> None:
    """Write every table anew."""
    GENERATED.mkdir(exist_ok=True)
    for name, write in WRITERS.items():
        (GENERATED / f"{name}.md").write_text(BY_HAND + write(), encoding="utf-8")


if __name__ == "__main__":
    main()
