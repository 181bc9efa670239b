"""Compare: releases, or runs, side by side; what each was asked for, scored and gave away, judged by one policy."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from privacy.ledger import Ledger
from privacy.policy import decide
from privacy.policy_file import DEFAULT, Policy, load_policy
from reports.compare_report import (
    OTHER_COHORT,
    Candidate,
    beyond_intervals,
    differences,
    render_compare,
    same_cohort,
)
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import MANIFEST, Manifest, read_manifest, source_hash, write_text

SHORT = 12  # hex digits of a hash: enough to tell a few landings apart
HASH = re.compile(rf"\b([0-9a-f]{{{SHORT}}})[0-9a-f]{{{64 - SHORT}}}\b")
GIVEN = ("evaluation", "run")  # landings that can be compared by themselves


def compare(folders: Sequence[Path], *, policy: str = DEFAULT, out: Path | None = None) -> list[Candidate]:
    """What stands in each folder: of a whole run, or an evaluation or run landing. out: HTML file to write.

    policy: by which all are judged, whatever each was released under.

    Raises:
        IncompleteLanding: nothing to compare there. BadRequest: fewer than two, one twice, or `out` is no HTML file.
        BadPolicy: no such policy.
    """
    if len(folders) < 2:
        raise BadRequest("compare needs two folders or more.")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise BadRequest("A folder was named twice: it differs from itself in nothing.")
    if out is not None and (out.suffix != ".html" or out.is_dir()):
        raise BadRequest(f"--out is the HTML file to write, such as compare.html. Got {out} instead.")
    asked = load_policy(policy)
    labels = labels_of(folders)
    found = [candidate(folder, label, asked) for folder, label in zip(folders, labels, strict=True)]
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, render_compare(found, policy=asked.name, notes=notes_of(found)))
    return found


def candidate(folder: Path, label: str, policy: Policy) -> Candidate:
    """One release, or run, as it is compared.

    Raises:
        IncompleteLanding: see `compare`.
    """
    landings = landings_of(folder)
    manifests = {kind: read_manifest(path, kind) for kind, path in landings.items()}
    first = manifests.get("evaluation") or manifests["run"]
    ledger = next(
        (
            Ledger.read(landings[kind] / "ledger.json")
            for kind in ("synthetic", "run")
            if kind in landings and (landings[kind] / "ledger.json").is_file()
        ),
        None,
    )
    evaluation = Evaluation.read(landings["evaluation"]) if "evaluation" in landings else None
    decision = None
    if evaluation is not None:
        decision = decide(evaluation.risks, ledger or Ledger(), policy, audit=evaluation.audit)
    return Candidate(
        label=label,
        cohort=first.made_from["cohort"],
        config=_config(manifests),
        evaluation=evaluation,
        decision=decision,
        epsilon=None if ledger is None else ledger.epsilon,
        delta=None if ledger is None or ledger.budget is None else ledger.budget.delta,
    )


def landings_of(folder: Path) -> dict[str, Path]:
    """Kind -> landing: what was named, and of what stands beside it, what it was made from or what was made from it.

    Raises:
        IncompleteLanding: neither a landing of these kinds, nor a folder with one.
    """
    if (folder / MANIFEST).is_file():
        kind = read_manifest(folder).kind
        if kind not in GIVEN:
            raise IncompleteLanding(
                f"{folder} is a landing of kind {kind}; name the folder of a whole run, an evaluation or a run."
            )
        found, beside = {kind: folder}, folder.absolute().parent
    else:
        found = {name: folder / name for name in GIVEN if (folder / name / MANIFEST).is_file()}
        beside = folder
    if not found:
        state = "holds neither" if folder.is_dir() else "does not exist"
        raise IncompleteLanding(
            f"Expected an evaluation or a run at {folder}, or in it; it {state}. synthehr evaluate makes the one, "
            "synthehr train the other, synthehr run both."
        )
    return _related(found, beside)


def _related(found: dict[str, Path], beside: Path) -> dict[str, Path]:
    """`found` with what belongs to it; what stands beside it and was made of other bytes is left out."""
    evaluation, run = found.get("evaluation"), found.get("run")
    related: dict[str, Path] = {}
    if evaluation is not None:
        made_from = read_manifest(evaluation, "evaluation").made_from
        related["evaluation"] = evaluation
        _add(related, "synthetic", beside, made_from["synthetic"])
        if "synthetic" in related:
            _add(related, "run", beside, read_manifest(related["synthetic"], "synthetic").made_from["run"])
        bundle = beside / "bundle"
        if _is(bundle, "bundle") and read_manifest(bundle).made_from.get("evaluation") == source_hash(evaluation):
            related["bundle"] = bundle
    elif run is not None:
        made_from = read_manifest(run, "run").made_from
        related["run"] = run
    _add(related, "cohort", beside, made_from["cohort"])
    if "cohort" in related:
        _add(related, "events", beside, read_manifest(related["cohort"], "cohort").made_from["events"])
    return related


def _add(related: dict[str, Path], kind: str, beside: Path, digest: str) -> None:
    if _is(beside / kind, kind) and source_hash(beside / kind) == digest:
        related[kind] = beside / kind


def _is(path: Path, kind: str) -> bool:
    return (path / MANIFEST).is_file() and read_manifest(path).kind == kind


def _config(manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """What the landings say of themselves, as `landing: key` -> text."""
    said: dict[str, str] = {}
    for kind, manifest in manifests.items():
        said |= {f"{kind}: {key}": HASH.sub(r"\1", text) for key, text in _flat(manifest.config).items()}
        # of what follows from these, every hash differs where one of them does
        inputs = [name for name in manifest.made_from if kind in ("events", "cohort") or name in ("cohort", "previous")]
        said |= {f"{kind}: made from {name}": manifest.made_from[name][:SHORT] for name in inputs}
        said |= {f"{kind}: made by {name}": version for name, version in manifest.versions.items()}
    return said


def _flat(config: Mapping[str, Any], at: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in config.items():
        found |= _flat(value, f"{at}{key}.") if isinstance(value, Mapping) else {at + key: str(value)}
    return found


def labels_of(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with so many of the names above as tell them apart; never the whole path."""
    paths = [folder.resolve() for folder in folders]
    whole = [path.parent if path.name in GIVEN and (path / MANIFEST).is_file() else path for path in paths]
    for named, depth in ((whole, 1), (paths, 2), (paths, 3)):
        labels = ["/".join(path.parts[1:][-depth:]) for path in named]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{path.name} ({k})" for k, path in enumerate(paths, 1)]


def notes_of(candidates: Sequence[Candidate]) -> list[str]:
    """What a reader has to know before he looks at a figure."""
    lone = [c.label for c in candidates if c.evaluation is None]
    return [f"Not evaluated: {', '.join(lone)}; synthehr evaluate measures it."] if lone else []


def comparison_json(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """All of it, with numbers where the tables have text."""
    labels = [candidate.label for candidate in candidates]
    warnings = notes_of(candidates) + ([] if same_cohort(candidates) else [OTHER_COHORT])
    return {
        "runs": [_summary(candidate) for candidate in candidates],
        "same_cohort": same_cohort(candidates),
        "warnings": warnings,
        "differences": [
            {"what": row.label, "values": dict(zip(labels, row.cells, strict=True))} for row in differences(candidates)
        ],
        "scores": _scores_json(candidates),
    }


def _summary(candidate: Candidate) -> dict[str, Any]:
    judged = () if candidate.decision is None else candidate.decision.risks
    return {
        "label": candidate.label,
        "cohort": candidate.cohort,
        "epsilon": candidate.epsilon,
        "delta": candidate.delta,
        "verdict": None if candidate.decision is None else candidate.decision.verdict,
        "risks": [
            {key: getattr(risk, key) for key in ("attack", "metric", "value", "low", "high", "threshold", "verdict")}
            for risk in judged
            if risk.verdict is not None
        ],
    }


def _scores_json(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    found = [{} if c.evaluation is None else {(s.name, s.stratum): s for s in c.evaluation.scores} for c in candidates]
    rows = []
    for name, stratum in dict.fromkeys(key for scores in found for key in scores):
        scores = [by_key.get((name, stratum)) for by_key in found]
        values = {
            c.label: {key: getattr(s, key) for key in ("value", "low", "high", "floor", "ceiling", "better")}
            for c, s in zip(candidates, scores, strict=True)
            if s is not None
        }
        beyond = beyond_intervals(candidates, scores) if same_cohort(candidates) else {}
        rows.append({"name": name, "stratum": stratum, "values": values, "beyond": beyond})
    return rows
