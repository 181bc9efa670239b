"""`--dry-run` at the gate: the policy's decision is a function of what was measured, so it can be told beforehand."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.dry_run import Preview, Step, told
from pipelines.evaluate import check_lineage
from privacy.ledger import Ledger
from privacy.policy import Decision, decide
from privacy.policy_file import load_policy
from synthehr.errors import IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import check_landing, read_manifest, source_hash


def preview_release(
    cohort: Path,
    synthetic: Path,
    evaluation: Path,
    out: Path,
    *,
    run: Path | None,
    policy: str,
    override: str | None,
) -> Preview:
    """How the gate would decide, and whether a bundle would be written.

    Raises:
        IncompleteLanding: a landing is absent or altered, or they do not belong together. BadPolicy: no such policy.
        GateRefused: an override without a reason.
    """
    check_lineage(cohort, synthetic, run)
    measured = check_landing(evaluation, "evaluation").made_from
    for name, path in (("cohort", cohort), ("synthetic", synthetic)):
        if measured.get(name) != source_hash(path):
            raise IncompleteLanding(f"{evaluation} was measured on another {name} than {path}: evaluate again.")
    decision = _decision(evaluation, synthetic, policy, override)
    step = _bundle(out, synthetic, evaluation, decision, [cohort, synthetic, evaluation])
    found = {"verdict": decision.verdict, "released": decision.released, "reasons": list(decision.reasons)}
    return Preview(steps=(step,), notes=(*_worst(decision), _verdict(decision, out)), found=found)


def judged(out: Path, *, policy: str, override: str | None, before: Sequence[Step]) -> tuple[Step, str]:
    """The bundle of a run with landings in `out`, and what the gate says; it waits for what is still to be made."""
    asked, bundle, synthetic, evaluation = load_policy(policy), out / "bundle", out / "synthetic", out / "evaluation"
    reads = ["cohort", "synthetic", "evaluation"]
    if any(step.pending for step in before):
        step = told(bundle, "bundle", reads, again="judged and written anew, or left where all comes out as it was")
        return (
            step,
            f"Policy {asked.name} judges what the evaluation finds; if it refuses, there is no bundle (exit 4).",
        )
    decision = _decision(evaluation, synthetic, policy, override)
    return _bundle(bundle, synthetic, evaluation, decision, reads), _verdict(decision, bundle)


def _decision(evaluation: Path, synthetic: Path, policy: str, override: str | None) -> Decision:
    found = Evaluation.read(evaluation)
    ledger = Ledger.read(synthetic / "ledger.json")
    return decide(found.risks, ledger, load_policy(policy), audit=found.audit, override=override)


def _bundle(out: Path, synthetic: Path, evaluation: Path, decision: Decision, reads: Sequence[Path | str]) -> Step:
    """Made, refused, or left where the same release stands there and its pages come out as they are."""
    step = told(out, "bundle", [str(name) for name in reads], again="another release stands there")
    if not decision.released:
        return Step(**vars(step) | {"action": "refuse", "why": f"the gate refuses it: {decision.verdict}"})
    if step.action == "make again":
        made_from = read_manifest(out, "bundle").made_from
        inputs = {"synthetic": synthetic, "evaluation": evaluation}
        if all(made_from.get(name) == source_hash(path) for name, path in inputs.items()):
            why = "skipped if name, purpose, policy and dates give the pages that are there, else made again"
            return Step(**vars(step) | {"action": "perhaps", "why": why})
    return step


def _worst(decision: Decision) -> list[str]:
    return [reason for reason in decision.reasons if not reason.startswith("PASS")]


def _verdict(decision: Decision, out: Path) -> str:
    if decision.released:
        return f"Policy {decision.policy}: {decision.verdict}; a bundle would be written."
    refused = out.parent / f"{out.name}.refused.html"
    return f"Policy {decision.policy}: {decision.verdict}; no bundle (exit 4), and the officer's report at {refused}."
