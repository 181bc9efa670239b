"""The planted-leak suite: what the whole no-box tier says of leaks that are known, and of releases that leak nothing.

    python -m benchmarks.leaks.suite planted WORK --seeds 5      # each leak, on worlds of 2,000 members
    python -m benchmarks.leaks.suite silence WORK --seeds 200    # no leak, and 1 % verbatim beside it
    python -m benchmarks.leaks.suite few WORK --seeds 20         # ten, twenty, forty copies among 40,000
    python -m benchmarks.leaks.summary WORK benchmarks/results/leaks.json

One file a seed in WORK; what is there is not done again, and two processes may share the work (--from, --seeds). A
world has 2,000 members, 2,000 non-members, and 4,000 reference and 4,000 fresh patients; a release has 4,000 records.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from benchmarks.leaks.overtrained import overtrained
from benchmarks.leaks.population import World, world_of
from privacy.assess import CEILING, CONTROL, SYNTHETIC, joined, tried
from privacy.attack import Finding
from privacy.identity.adversarial_accuracy import adversarial_accuracy
from privacy.identity.duplicates import duplicates, present, surprise
from privacy.multiplicity import holm
from privacy.neighbours import packed
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.landing import write_text

VERBATIM = (0.001, 0.003, 0.01, 0.03, 0.1)
REDRAWN = (0.1, 0.3, 0.5, 0.7, 0.9)
NO_LEAK, ONE_PERCENT = "no leak", "1 % verbatim"
COMPONENTS = 1_000  # of a mixture over 2,000 patients
PASSES = 300
NNAA_CODES = (100, 1_000)  # besides the 400 of the suite
NNAA_SEEDS = 20
FEW = (0, 10, 20, 40)
COPY_SEEDS = 100


def planted_releases(world: World, seed: int) -> dict[str, sparse.csr_matrix]:
    """Every release of the suite by name, CSR of 0 and 1."""
    columns = world.members.shape[1]
    vocabulary = Vocabulary(tuple(f"SIM/{j}" for j in range(columns)), ("",) * columns, (None,) * columns)
    members = sparse.csr_matrix(world.members)
    dense = {NO_LEAK: world.no_leak(), "independent marginals": world.independent()}
    dense |= {f"{100 * share:g} % verbatim": world.verbatim(share) for share in VERBATIM}
    dense |= {f"copy, {100 * share:g} % redrawn": world.redrawn(share) for share in REDRAWN}
    dense |= {"over-fitted mixture": world.overfitted(COMPONENTS), "one subgroup": world.of_subgroup()[0]}
    made = overtrained(members, vocabulary, 4_000, seed=seed, epochs=PASSES)
    return {name: sparse.csr_matrix(release) for name, release in dense.items()} | {"over-trained medGAN": made}


def planted(seed: int) -> dict[str, Any]:
    """What the tier finds on every planted leak of one world."""
    world = world_of(seed, 2_000, 2_000, 4_000)
    patients, code = world.patients(), world.of_subgroup()[1]
    leaks = planted_releases(world, seed)
    found, _ = tried(patients, {**leaks, CONTROL: patients.fresh, CEILING: patients.members}, seed=seed)
    rows = {}
    for name in leaks:
        beside = {SYNTHETIC: found[name], CONTROL: found[CONTROL], CEILING: found[CEILING]}
        rows[name] = [
            {
                "attack": risk.attack,
                "metric": risk.metric,
                "value": risk.value,
                "low": risk.low,
                "high": risk.high,
                "control": risk.control,
                "ceiling": risk.ceiling,
                "p": risk.p,
                "p_adjusted": risk.p_adjusted,
                "detectable": risk.detectable,
                "note": risk.note if risk.attack == "membership_subgroup" else "",
            }
            for risk in joined(beside)
        ]
    return {"seed": seed, "subgroup": f"code {code}", "releases": rows}


def silence(seed: int) -> dict[str, Any]:
    """No leak in a world of its own, and for the first 100 seeds 1 % verbatim: values, p and Holm's p."""
    world = world_of(10_000 + seed, 2_000, 2_000, 4_000)
    releases = {NO_LEAK: sparse.csr_matrix(world.no_leak())}
    if seed < COPY_SEEDS:
        releases[ONE_PERCENT] = sparse.csr_matrix(world.verbatim(0.01))
    found, _ = tried(world.patients(), releases, seed=seed)
    nnaa = {}
    if seed < NNAA_SEEDS:
        for codes in NNAA_CODES:
            other = world_of(20_000 + seed, 2_000, 2_000, 4_000, codes)
            attack = adversarial_accuracy(other.patients(), seed=np.random.SeedSequence(seed))
            nnaa[str(codes)] = values(attack(sparse.csr_matrix(other.no_leak())))
    return {"seed": seed, "releases": {name: account(findings) for name, findings in found.items()}, "nnaa": nnaa}


def few(seed: int) -> dict[str, Any]:
    """Few copies of 2,000 members among 40,000 records: our p, and that of an oracle who knows the true density."""
    world = world_of(30_000 + seed, 2_000, 2_000, 4_000)
    patients = world.patients()
    sides = (patients.members, patients.nonmembers)
    truth = world.population.log_density(np.concatenate([world.members, world.nonmembers]))
    attack = duplicates(patients, seed=np.random.SeedSequence(seed))
    answers = {}
    for copies in FEW:
        release = sparse.csr_matrix(world.with_copies(copies, 40_000))
        answers[f"{copies} copies among 40,000"] = next(f.p for f in attack(release) if f.p is not None)
        known = {row.tobytes() for row in packed(release)}
        found = [present(side, known) for side in sides]
        oracle = surprise(found, truth, 40_000, np.random.default_rng(seed))
        answers[f"{copies} copies among 40,000, true density known"] = oracle
    return {"seed": seed, "p": answers}


def values(findings: Sequence[Finding]) -> dict[str, float]:
    """Value of each figure by attack and metric."""
    return {f"{f.attack} {f.metric}": f.estimate.value for f in findings}


def account(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """Values of all figures, p and Holm's p of those that have one."""
    tested = [f for f in findings if f.p is not None]
    p = [float(f.p) for f in tested if f.p is not None]
    adjusted = holm(p)
    named = [f.attack for f in tested]
    return {
        "values": values(findings),
        "p": dict(zip(named, p, strict=True)),
        "p_adjusted": dict(zip(named, map(float, adjusted), strict=True)),
    }


TASKS: Mapping[str, Callable[[int], dict[str, Any]]] = {"planted": planted, "silence": silence, "few": few}


def main() -> None:
    """Do the seeds of a task that are not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--from", dest="first", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    for seed in range(given.first, given.first + given.seeds):
        file = given.work / f"{given.task}-{seed:04d}.json"
        if not file.exists():
            document = TASKS[given.task](seed)
            write_text(file, json.dumps(document, indent=1) + "\n")
            print(file.name, flush=True)


if __name__ == "__main__":
    main()
