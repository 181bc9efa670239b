"""Audit of a private training: canaries among the patients, one training, and what it proves against its own ledger.

Whatever is made here holds canaries and was drawn to be attacked: it is not for release. The run that is released is
another one, of the same plan, code and cohort.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipelines.private import PrivatePlan, fit_private, private_plan
from pipelines.recipe import validated
from pipelines.sections import Train
from privacy.accountant import gaussian_multiplier
from privacy.audit.canaries import Audit, audited, coins, gaussian_power, most_provable
from privacy.audit.claim import ClaimAudit
from privacy.audit.curator import KNOWLEDGE, Answer, evidence, overheard
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource, new_key
from synthehr.cohort.cohort import SPLITS, Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import check_landing, read_manifest, write_text
from synthehr.models.generator import PrivateGenerator
from synthehr.models.private.records import private_records
from synthehr.progress import Progress, silent

SYNTHETIC_ONLY = "{n:,} synthetic patients, and how canaries were made"
NOT_FOR_RELEASE = "Made with canaries, to be attacked: nothing of this run is for release."
UNHEARD = "Gradients were not listened to: what they told of patients is seen in the synthetic ones alone."
LEAST_SYNTHETIC, SHARD = 20_000, 8_192
LEAST_PATIENTS = 100  # of a code whose pairs a generator is likely to ask for


@dataclass(frozen=True)
class Planted:
    """cohort: with the canaries that are in. canaries: all of them, over the same columns; each has a code of its own.

    own: (m,) column of that code. pair: (m, 2) columns of two public codes that it has beside it.
    """

    cohort: Cohort
    canaries: CodeMatrix
    own: NDArray[np.int64]
    pair: NDArray[np.int64]


def audit(
    cohort: Path, options: Train, *, canaries: int, seed: int, out: Path | None = None, progress: Progress = silent
) -> ClaimAudit:
    """Train as `train` does under the budget, with canaries, and tell claim and lower bounds; `out`: JSON of the same.

    Noise and coins are fresh each time. seed: of how canaries are made, and of what the generator draws.

    Raises:
        IncompleteLanding: no cohort there. BadRequest: no such private generator, or no folder for `out`.
        ValueError: too few canaries.
    """
    check_landing(cohort, "cohort")
    if out is not None and not out.parent.is_dir():
        raise BadRequest(f"There is no folder {out.parent} for {out.name}: nothing was trained.")
    plan = private_plan(cohort, options)
    people, coin = read_cohort(cohort), coins(canaries, NoiseSource(new_key()))
    planted = plant(people, coin, seed=seed)
    progress("train with canaries", 0, 2, "steps")
    with overheard() as answers:
        generator, vocabulary, ledger = fit_private(
            plan, planted.cohort, options, seed=seed, source=NoiseSource(new_key()), progress=progress
        )
    progress("attack", 1, 2, "steps")
    others = planted.cohort.part("train").rows(np.arange(int((people.split == SPLITS.index("train")).sum())))
    n = max(LEAST_SYNTHETIC, round(generator.patients))  # as many as were told with noise: their number is secret
    white = _held(answer_scores(answers, planted.canaries, others, vocabulary), coin, ledger, KNOWLEDGE)
    black = _held(
        synthetic_scores(drawn(generator, n, seed), vocabulary, planted), coin, ledger, SYNTHETIC_ONLY.format(n=n)
    )
    found = _found(plan, white, black)
    if out is not None:
        write_text(out, json.dumps(found.as_json(), indent=1) + "\n")
    progress("attack", 2, 2, "steps")
    return found


def claims_epsilon(run: Path | None) -> bool:
    """Whether a run was trained under a privacy budget."""
    return run is not None and "epsilon" in read_manifest(run, "run").config


def audit_run(cohort: Path, run: Path, *, canaries: int, seed: int, progress: Progress = silent) -> ClaimAudit:
    """An audit of a training as that of `run` was; see `audit`."""
    config = read_manifest(run, "run").config
    options = validated(Train, {key: config[key] for key in ("model", "options", "epsilon", "delta")}, str(run))
    return audit(cohort, options, canaries=canaries, seed=seed, progress=progress)


def _found(plan: PrivatePlan, white: Audit, black: Audit) -> ClaimAudit:
    whole = gaussian_multiplier(epsilon=plan.budget.epsilon, delta=plan.budget.delta)
    return ClaimAudit(
        model=plan.model,
        white=white,
        black=black,
        correct_gaussian=gaussian_power(white.m, noise_multiplier=whole, delta=plan.budget.delta),
        most=most_provable(white.m, delta=plan.budget.delta),
        note=f"{NOT_FOR_RELEASE} {UNHEARD}" if plan.sampled else NOT_FOR_RELEASE,
    )


def plant(people: Cohort, coin: NDArray[np.bool_], *, seed: int) -> Planted:
    """Add to the train split the canaries that the coin lets in.

    Each has a code of its own, of the largest code system; two codes of LEAST_PATIENTS or a little more, together in no
    other canary as far as there are pairs; and the commonest member of each exclusive group.
    """
    train, old, m = people.part("train"), people.matrix.vocabulary, len(coin)
    system, codes = max(old.free_by_system.items(), key=lambda named: len(named[1]))
    wide = Vocabulary(
        old.code + tuple(f"{system}/canary {j}" for j in range(m)),
        old.description + ("",) * m,
        old.group + (None,) * m,
    )
    prevalence = train.prevalence()
    own, pair = np.arange(len(old), len(wide)), _pairs(codes, prevalence[codes] * len(train), m, seed)
    members = [columns[np.argmax(prevalence[columns])] for columns in old.groups.values()]
    columns = np.concatenate([own[:, None], pair, np.tile(members, (m, 1)).reshape(m, -1)], axis=1).astype(np.int64)
    rows = np.repeat(np.arange(m), columns.shape[1])
    ones = np.ones(columns.size, dtype=np.uint16)
    counts = sparse.csr_matrix((ones, (rows, columns.ravel())), shape=(m, len(wide)))
    ids = np.setdiff1d(np.arange(len(people.split) + m), people.matrix.ids)[:m]
    canaries = CodeMatrix(canonical(counts), ids, wide)
    real = sparse.csr_matrix(people.matrix.counts, copy=True)
    real.resize(len(people.split), len(wide))
    matrix = CodeMatrix(
        sparse.vstack([real, canaries.counts[coin]], format="csr"), np.concatenate([people.matrix.ids, ids[coin]]), wide
    )
    split = np.concatenate([people.split, np.zeros(int(coin.sum()), dtype=np.uint8)])
    return Planted(Cohort(matrix, split), canaries, own, pair)


def _pairs(codes: NDArray[np.int64], patients: Floats, m: int, seed: int) -> NDArray[np.int64]:
    """(m, 2) pairs of codes, in random order; used again where there are fewer than m, none where there is one code.

    patients: of each code. Rarer codes weigh more in the answers on pairs, as long as they are asked for at all.
    """
    wanted = int(np.ceil((1 + np.sqrt(1 + 8 * m)) / 2))
    commonest = codes[np.argsort(-patients, kind="stable")]
    enough = max(wanted, int((patients >= LEAST_PATIENTS).sum()))
    found = np.array(list(combinations(commonest[:enough][-wanted:], 2)), dtype=np.int64).reshape(-1, 2)
    if not len(found):
        return np.empty((m, 0), dtype=np.int64)
    order = np.random.default_rng([seed, 5]).permutation(len(found))
    return np.asarray(found[order[np.arange(m) % len(found)]])


def answer_scores(
    answers: Sequence[Answer], canaries: CodeMatrix, others: CodeMatrix, vocabulary: Vocabulary
) -> Floats:
    """(m,) what all answers of the curator say of each canary: a log-likelihood ratio.

    vocabulary: that of the generator, with fewer columns than the cohort where columns were told by an answer.
    """
    told = [private_records(part.onto(vocabulary)).binary() for part in (canaries, others)]
    whole = [part.binary() for part in (canaries, others)]
    found = np.zeros(len(canaries))
    for answer in answers:
        found += evidence(answer, *(whole if answer.kind == "frequent" else told))
    return found


def drawn(generator: PrivateGenerator, n: int, seed: int) -> sparse.csr_matrix:
    """CSR (n, codes) of 0 and 1: synthetic patients."""
    rng = np.random.default_rng([seed, 6])
    parts = [generator.sample(min(SHARD, n - start), rng=rng) for start in range(0, n, SHARD)]
    return sparse.csr_matrix(sparse.vstack(parts, format="csr") > 0, dtype=np.float64)


def synthetic_scores(synthetic: sparse.csr_matrix, vocabulary: Vocabulary, planted: Planted) -> Floats:
    """(2, m) two attacks: how often each canary's own code is drawn; and that beside its two public codes together.

    How much oftener these are drawn than by chance is added to how much oftener the code is drawn than other canaries',
    both in standard deviations over canaries. Codes that the generator does not know say nothing.
    """
    column = np.array([vocabulary.index.get(code, -1) for code in planted.canaries.vocabulary.code])
    n = np.append(np.asarray(synthetic.sum(axis=0)).ravel(), 0.0)  # what is not known, at -1, is never drawn
    own = n[column[planted.own]]
    if not planted.pair.shape[1]:
        return np.asarray(own[None])
    a, b = column[planted.pair.T]
    gram = sparse.csr_matrix(synthetic.T @ synthetic)
    known = (a >= 0) & (b >= 0)
    together = np.where(known, np.asarray(gram[a, b]).ravel(), 0.0)
    chance = n[a] * n[b] / max(synthetic.shape[0], 1)
    excess = (together - chance) / np.sqrt(np.maximum(chance, 1.0))
    return np.stack([own, own / max(own.std(), 1.0) + excess / max(float(excess.std()), 1e-9)])


def _held(scores: Floats, coin: NDArray[np.bool_], ledger: Ledger, knowledge: str) -> Audit:
    assert ledger.budget is not None  # a private training has one
    return audited(scores, coin, claim=ledger.epsilon, delta=ledger.budget.delta, knowledge=knowledge)
