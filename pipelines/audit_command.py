"""`synthehr audit`: whether a privacy claim survives an attack, before anything is released under it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.arguments import Json, ModelOptions
from pipelines.completion import private_model_names
from pipelines.console import outcome

if TYPE_CHECKING:
    from privacy.audit.claim import ClaimAudit

REFUSED = 4


def audit(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT")],
    epsilon: Annotated[float, typer.Option(help="Of the budget that is audited.")],
    delta: Annotated[float, typer.Option(help="Of the budget; far below one over the patients.")] = 1e-6,
    model: Annotated[
        str | None,
        typer.Option(help="copula (default), transformer, medgan, independent.", autocompletion=private_model_names),
    ] = None,
    canaries: Annotated[int, typer.Option(min=8, help="Each is in by a coin; more can prove more.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Of canaries and draws; noise and coins are fresh.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write.")] = None,
    option: ModelOptions = None,
    as_json: Json = False,
) -> None:
    """Train with canaries and tell which epsilon the answers, and synthetic patients, refute (exit 4 if the claim).

    Nothing of it is for release. A bound far below the claim is what a correct training gives.
    """
    with outcome(as_json) as held:
        from pipelines.audit import audit as stage
        from pipelines.recipe import parse_options, validated
        from pipelines.sections import Train

        named = {} if model is None else {"model": model}
        asked = validated(
            Train, {"options": parse_options(option or []), "epsilon": epsilon, "delta": delta, **named}, "audit"
        )
        found = stage(cohort, asked, canaries=canaries, seed=seed, out=out, progress=held.progress)
        held.result = found.as_json()
        held.lines = [*audit_lines(found), *([f"audit: {out}"] if out else [])]
    if held.result["verdict"] == "FAIL":
        raise typer.Exit(REFUSED)


def audit_lines(found: "ClaimAudit") -> list[str]:
    """What came of it, for a terminal."""
    from privacy.audit.claim import NO_PROOF

    lines = [f"{found.model}: claimed epsilon {found.white.claim:.4g} at delta {found.white.delta:g}"]
    for words, one in (("white-box", found.white), ("black-box", found.black)):
        lines.append(
            f"{words}: epsilon at least {one.lower:.3g} (95 %; {one.right} of {one.guesses} guesses right, "
            f"{one.m} canaries; known: {one.knowledge}): {one.verdict}"
        )
    lines.append(
        f"Power: a correct Gaussian mechanism of this budget, all seen, gives {found.correct_gaussian:.3g} in half "
        f"of all audits; {found.white.m} canaries cannot refute more than {found.most:.3g}. {NO_PROOF}"
    )
    return [*lines, found.note]
