"""`synthehr policy`: what a policy demands, and what it declares means for a cohort, before anything is measured."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.arguments import Json
from pipelines.completion import policy_names
from pipelines.console import outcome

policy_app = typer.Typer(help="Read and check policies.", no_args_is_help=True, add_completion=False)
LEAST_CARRIERS = 20  # members with a sensitive code: fewer, and the attack on it says little


@policy_app.command("list")
def list_policies(as_json: Json = False) -> None:
    """Name the policies that come along."""
    with outcome(as_json) as held:
        from privacy.policy_file import SHIPPED, load_policy

        found = {file.stem: load_policy(file).purpose for file in sorted(SHIPPED.glob("*.toml"))}
        held.result = {"policies": found}
        held.lines = [f"{name}: {purpose}" for name, purpose in found.items()]


@policy_app.command()
def check(
    policy: Annotated[
        str, typer.Argument(metavar="POLICY", help="A policy by name or file.", autocompletion=policy_names)
    ],
    cohort: Annotated[Path | None, typer.Option(help="Say what it means for this cohort.")] = None,
    as_json: Json = False,
) -> None:
    """Validate a policy and say what it demands; exit 2 if it is none, or declares what the cohort has not."""
    with outcome(as_json) as held:
        from privacy.policy_file import load_policy

        asked = load_policy(policy)
        gates = [gate.model_dump(mode="json") for gate in asked.gates]
        held.result = {"policy": asked.name, "inconclusive": asked.inconclusive, "gates": gates}
        held.lines = [f"{asked.name}: {asked.purpose}", f"to {asked.recipients}; controls: {asked.controls}", ""]
        for gate in asked.gates:
            wanted = f"below {gate.threshold:g}" if gate.threshold is not None else f"p of {gate.alpha:g} or more"
            held.lines.append(f"{gate.attack} {gate.metric}: {wanted} ({gate.provenance})")
        held.lines.append(f"where a gate is INCONCLUSIVE: {asked.inconclusive}")
        if cohort is not None:
            held.result |= on_cohort(cohort, asked)
            held.lines += _cohort_lines(held.result)


def on_cohort(folder: Path, policy: Any) -> dict[str, Any]:
    """Columns that each sensitive topic covers, how many of them have 20 training carriers, and the quasi-identifiers.

    Counts only: which patients have which code is nobody's business here.

    Raises:
        BadRequest: a quasi-identifier that no exclusive group of the cohort is called.
    """
    from privacy.sensitive_codes import sensitive_columns
    from synthehr.cohort.cohort import read_cohort
    from synthehr.errors import BadRequest

    train = read_cohort(folder).part("train")
    groups = train.vocabulary.groups
    missing = [name for name in policy.quasi_identifiers if name not in groups]
    if missing:
        raise BadRequest(
            f"{folder} has no exclusive group {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, groups)) or 'none'}. Name those in quasi_identifiers, or leave it out."
        )
    carriers = train.binary().getnnz(axis=0)
    topics = {
        topic: {"columns": len(columns), "attackable": int((carriers[columns] >= LEAST_CARRIERS).sum())}
        for topic, columns in sensitive_columns(train.vocabulary.code, policy.sensitive).items()
    }
    sizes = {name: len(groups[name]) for name in policy.quasi_identifiers}
    return {"sensitive": topics, "quasi_identifiers": sizes}


def _cohort_lines(result: dict[str, Any]) -> list[str]:
    lines = [""]
    for topic, found in result["sensitive"].items():
        lines.append(
            f"sensitive, {topic}: {found['columns']} columns, {found['attackable']} with {LEAST_CARRIERS} training "
            "patients or more"
        )
    lines += [f"quasi-identifier {name}: {size} values" for name, size in result["quasi_identifiers"].items()]
    return lines
