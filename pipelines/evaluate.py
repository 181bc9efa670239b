"""Evaluate: a cohort and a synthetic cohort in; fidelity and disclosure risk out, each with floor and ceiling."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.adversary import PREVIOUS, attack, stated
from pipelines.alignment import aligned
from pipelines.audit import audit_run, claims_epsilon
from pipelines.conditional import check_whole
from pipelines.declared import NOTHING, check_declared
from pipelines.holdout import Holdout, split_holdout
from pipelines.sections import Evaluate, Fidelity
from pipelines.shadows import TrainShadow, choose_targets, open_workspace, shadow_attack, workspace_path
from privacy.attack import Attack
from privacy.ledger import Ledger
from privacy.policy_file import DEFAULT, load_policy
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix, read_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.fidelity.compare import compare
from synthehr.landing import check_landing, land, read_manifest, source_hash
from synthehr.models.registry import create
from synthehr.progress import Progress, silent

# purposes of the seed, beside that of pipelines.holdout: each random choice has a stream of its own, so that a new one
# moves none of the others
SAMPLING, SHADOWING, AUDITING = 2, 3, 4


def asked(
    cohort: Path,
    synthetic: Path,
    options: Evaluate,
    *,
    run: Path | None = None,
    fidelity: Fidelity = NOTHING,
    policy: str = DEFAULT,
    seed: int,
) -> dict[str, Any]:
    """What an evaluation of this request says of itself: kind, config and made_from of its manifest."""
    previous = {} if options.previous is None else {PREVIOUS: source_hash(Path(options.previous))}
    declared = {key: value for key, value in fidelity.model_dump(mode="json").items() if value}
    return {
        "kind": "evaluation",
        "config": {
            "comparators": list(options.comparators),
            "declared": stated(load_policy(policy)),
            "generator": read_manifest(synthetic, "synthetic").config["model"],
            "seed": seed,
            # named only where asked for: an evaluation without them is what it was before there were any
            **({"fidelity": declared} if declared else {}),
            **({"shadows": options.shadows} if options.shadows else {}),
            **({"canaries": options.canaries} if claims_epsilon(run) else {}),
        },
        "made_from": {"cohort": source_hash(cohort), "synthetic": source_hash(synthetic)} | previous,
    }


def evaluate(
    cohort: Path,
    synthetic: Path,
    out: Path,
    options: Evaluate,
    *,
    run: Path | None = None,
    fidelity: Fidelity = NOTHING,
    policy: str = DEFAULT,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure the synthetic cohort against the cohort it was trained on and write the `evaluation` landing at `out`.

    policy: by name or file; what it declares (sensitive codes, quasi-identifiers, population, prior) is what the
    attackers know and seek. Its thresholds are for the release. run: needed where shadows are asked for, and for the
    audit of a privacy claim. Shadows that are trained outlive an interruption, in `<out>.shadows`; the same call goes
    on from them. fidelity: what the site declares.

    Raises:
        IncompleteLanding: a landing is absent or altered, or the synthetic cohort was made from another cohort (its
            training patients would be mistaken for strangers, and the risk read as nothing). BadRequest: comparators
            without `independent`, or an unknown one; shadows without `run`; see `check_declared`.
    """
    check_lineage(cohort, synthetic, run)
    if "independent" not in options.comparators:
        raise BadRequest("comparators must hold 'independent': it is the floor of every figure.")
    if options.shadows and run is None:
        raise BadRequest("Shadows are trained as the run was: name it with --run RUN, or leave --shadows out.")
    if options.shadows and claims_epsilon(run):
        raise BadRequest("Shadows of a run under a privacy budget are not trained: canaries attack its claim.")
    people = read_cohort(cohort)
    check_declared(people.matrix.vocabulary, fidelity)
    folders = [synthetic, *([] if options.previous is None else [Path(options.previous)])]
    people, (release, *others) = aligned(people, *((folder, read_release(folder)) for folder in folders))
    holdout = split_holdout(people.part("holdout"), seed=seed)
    earlier = dict(zip([PREVIOUS], others, strict=False))
    request = asked(cohort, synthetic, options, run=run, fidelity=fidelity, policy=policy, seed=seed)
    with land(out, **request) as folder:
        further: dict[str, Attack] = {}
        if run is not None and options.shadows:
            further["shadows"] = _shadows(
                run, people, holdout, out, options.shadows, policy=policy, n=len(release), seed=seed, progress=progress
            )
        parts = (people, holdout, release, options, fidelity, earlier, further)
        found = _measured(*parts, policy=policy, seed=seed, progress=progress)
        if run is not None and options.canaries and claims_epsilon(run):
            auditing = int(np.random.SeedSequence([seed, AUDITING]).generate_state(1)[0])
            audit = audit_run(cohort, run, canaries=options.canaries, seed=auditing, progress=progress)
            found = replace(found, audit=audit)
        found.write(folder)
    if further:
        shutil.rmtree(workspace_path(out))
    return {"evaluation": str(out), "scores": len(found.scores), "risks": len(found.risks), "seed": seed}


def _measured(
    people: Cohort,
    holdout: Holdout,
    release: CodeMatrix,
    options: Evaluate,
    fidelity: Fidelity,
    earlier: Mapping[str, CodeMatrix],
    further: Mapping[str, Attack],
    *,
    policy: str,
    seed: int,
    progress: Progress,
) -> Evaluation:
    """Fidelity and risk of the release; earlier: another release to attack beside it; further: attacks prepared."""
    train = people.part("train")
    simple = sample_comparators(people, options.comparators, len(release), seed=seed, progress=progress)
    comparison = compare(
        train=train,
        test=holdout.test,
        fresh=holdout.fresh,
        synthetic=release,
        comparators=simple,
        **dict(fidelity),
        seed=seed,
        progress=progress,
    )
    found = attack(
        train=train,
        nonmembers=holdout.test,
        reference=holdout.reference,
        fresh=holdout.control,
        synthetic=release,
        comparators={"independent": simple["independent"], **earlier},
        policy=load_policy(policy),
        seed=seed,
        further=further,
        progress=progress,
    )
    return Evaluation(
        scores=comparison.scores,
        risks=found.risks,
        codes=comparison.codes,
        roc=found.roc,
        comparators=comparison.comparators,
        codes_per_patient=comparison.codes_per_patient,
        correlations=comparison.correlations,
        effects=comparison.effects,
        subgroups=comparison.subgroups,
    )


def check_lineage(cohort: Path, synthetic: Path, run: Path | None) -> None:
    """Check that `synthetic` came from `run` (if given), and was trained on exactly `cohort`.

    Raises:
        IncompleteLanding: one is absent or altered, or they do not belong together. BadRequest: see `check_whole`.
    """
    check_landing(cohort, "cohort")
    made_from = check_whole(check_landing(synthetic, "synthetic"), synthetic).made_from
    if run is not None and made_from.get("run") != source_hash(run):
        raise IncompleteLanding(f"{synthetic} was not generated from {run}: generate it again, or name its own run.")
    if made_from.get("cohort") != source_hash(cohort):
        raise IncompleteLanding(
            f"{synthetic} comes from a generator trained on another cohort than {cohort}. Whom it was trained on "
            "decides who counts as a member, so nothing is measured. Name its own cohort, or train and generate again."
        )


def _shadows(
    run: Path,
    people: Cohort,
    holdout: Holdout,
    out: Path,
    shadows: int,
    *,
    policy: str,
    n: int,
    seed: int,
    progress: Progress,
) -> Attack:
    """The attack by shadow models of `run`, trained; the attacker holds the reference sample and the validation split.

    Of the control he holds nothing. n: how many patients a shadow's release has.
    """
    config = read_manifest(run, "run").config
    validation = people.part("validation")
    train = TrainShadow(model=config["model"], options=config["options"], validation=validation, n=n)
    seed = int(np.random.SeedSequence([seed, SHADOWING]).generate_state(1)[0])
    reference = holdout.reference.binary()
    targets = choose_targets(people.part("train").binary(), holdout.test.binary(), reference, seed=seed)
    request = {"run": source_hash(run), "shadows": shadows, "n": n, "seed": seed}
    return shadow_attack(
        targets,
        reference,
        train,
        open_workspace(out, request),
        shadows=shadows,
        prior=load_policy(policy).prior,
        seed=seed,
        progress=progress,
    )


def read_release(folder: Path) -> CodeMatrix:
    """A synthetic landing that was drawn under no condition; BadRequest if it was."""
    check_whole(read_manifest(folder, "synthetic"), folder)
    return read_synthetic(folder)


def read_synthetic(folder: Path) -> CodeMatrix:
    """All shards of a synthetic landing as one matrix; ids are negative."""
    read_manifest(folder, "synthetic")
    return read_matrix(sorted((folder / "data").glob("*.parquet")), Vocabulary.read(folder / "vocabulary.parquet"))


def sample_comparators(
    cohort: Cohort, names: Sequence[str], n: int, *, seed: int, progress: Progress = silent
) -> dict[str, CodeMatrix]:
    """`n` patients of each simple generator, fitted to the same training patients as the chosen one."""
    sampled = {}
    for k, name in enumerate(names):
        generator = create(name, options={})
        with tempfile.TemporaryDirectory() as workspace:
            generator.fit(cohort, seed=seed, workspace=Path(workspace), ledger=Ledger(), progress=progress)
        counts = generator.sample(n, rng=np.random.default_rng([seed, SAMPLING, k]))
        sampled[name] = CodeMatrix(counts, -np.arange(1, n + 1, dtype=np.int64), cohort.matrix.vocabulary)
    return sampled
