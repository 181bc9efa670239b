"""Singling out: a combination of codes from the release that exactly one training patient has.

The attacker's story: somebody has the synthetic file alone. He takes a synthetic record, finds its rarest codes that no
other synthetic record has together, and claims: exactly one person in the training data has these. If he is right he
has isolated a person, the first of the three risks of anonymisation in European law (Article 29 Working Party, opinion
05/2014), in the predicate form of Cohen and Nissim (2020, PNAS 117:8344).

A predicate of that rarity isolates somebody in any data of that size by chance, up to 37 % of the time. So each
predicate is also tried on as many patients who were never in the data; the risk is the difference.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.identity.paired import paired_difference, relabelled
from privacy.patients import Patients
from privacy.risk import FILE_ONLY, Estimate, clopper_pearson

ATTACK = "singling_out"
MOST_CODES = 4
MOST_PREDICATES = 2_000
BLOCK = 250


def singling_out(patients: Patients, *, seed: np.random.SeedSequence) -> Attack:
    """Share of predicates that isolate exactly one member, and its excess over as many non-members.

    A predicate is the fewest of a synthetic record's rarest codes, at most 4, that no other synthetic record has
    together; at most 2,000, of records drawn at random. `isolated_share` has its Clopper-Pearson interval;
    `isolation_gain` that of Agresti and Min for paired shares, and a p value by relabelling the patients. Where the
    release has no such record, nothing is found.
    """
    draw, release_seed, labels = seed.spawn(3)
    n = min(patients.members.shape[0], patients.nonmembers.shape[0])
    rng = np.random.default_rng(draw)
    sides = [side[rng.permutation(side.shape[0])[:n]] for side in (patients.members, patients.nonmembers)]
    pooled = sparse.vstack(sides, format="csr")

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        predicates = isolating_predicates(release, np.random.default_rng(release_seed))
        if predicates.shape[0] == 0:
            return []
        matches = matching(pooled, predicates)
        ours, theirs = (np.asarray(part.sum(axis=0)).ravel() == 1 for part in (matches[:n], matches[n:]))
        hits, tried = int(ours.sum()), predicates.shape[0]
        share = Estimate(hits / tried, *clopper_pearson(hits, tried))
        note = f"{tried:,} predicates of 1 to {MOST_CODES} codes, tried on {n:,} members and {n:,} non-members."
        p = relabelled(matches, n, np.random.default_rng(labels))
        return [
            Finding(attack=ATTACK, knowledge=FILE_ONLY, metric="isolated_share", estimate=share, n=n, note=note),
            Finding(
                attack=ATTACK,
                knowledge=FILE_ONLY,
                metric="isolation_gain",
                estimate=paired_difference(ours, theirs),
                n=n,
                note=note,
                p=p,
            ),
        ]

    return attack


def isolating_predicates(release: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    """Conjunctions of present codes that exactly one record of the release has, CSR of 0 and 1, (n, n_codes)."""
    chosen = rng.permutation(release.shape[0])[:MOST_PREDICATES]
    counts = np.bincount(release.indices, minlength=release.shape[1])
    rarest = []
    for record in chosen:
        codes = release.indices[release.indptr[record] : release.indptr[record + 1]]
        rarest.append(codes[np.lexsort((codes, counts[codes]))][:MOST_CODES])
    found: list[NDArray[np.int64]] = []
    open_ones = rarest
    for size in range(1, MOST_CODES + 1):
        tried = [codes for codes in open_ones if len(codes) >= size]
        if not tried:
            break
        alone = np.asarray(matching(release, _conjunctions(tried, size, release.shape[1])).sum(axis=0)).ravel() == 1
        found += [codes[:size] for codes, unique in zip(tried, alone, strict=True) if unique]
        open_ones = [codes for codes, unique in zip(tried, alone, strict=True) if not unique]
    if not found:
        return sparse.csr_matrix((0, release.shape[1]), dtype=np.uint8)
    return sparse.vstack([_conjunctions([codes], len(codes), release.shape[1]) for codes in found], format="csr")


def matching(records: sparse.csr_matrix, predicates: sparse.csr_matrix) -> sparse.csc_matrix:
    """Which records have all codes of which predicate: CSC of 0 and 1, (n_records, n_predicates)."""
    wide, parts = records.astype(np.float32), []
    for start in range(0, predicates.shape[0], BLOCK):
        block = predicates[start : start + BLOCK]
        together = wide @ block.toarray().astype(np.float32).T
        parts.append(sparse.csc_matrix(together == np.diff(block.indptr), dtype=np.uint8))
    return sparse.hstack(parts, format="csc")


def _conjunctions(codes: list[NDArray[np.int64]], size: int, n_codes: int) -> sparse.csr_matrix:
    columns = np.concatenate([chosen[:size] for chosen in codes])
    indptr = np.arange(0, len(columns) + 1, size)
    return sparse.csr_matrix((np.ones(len(columns), dtype=np.uint8), columns, indptr), shape=(len(codes), n_codes))
