"""A vocabulary chosen from patients under the budget, where no public list of codes is given.

The first look at one-way counts tells which codes are so common that no single patient can be the reason (a stability
threshold); the others are left out, and who had only them keeps `unknown` in an exclusive group.
"""

from collections.abc import Mapping

import numpy as np

from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource
from synthehr.cohort.matrix import UNKNOWN, CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.models.private.prevalences import CLIP_CODES

QUERY = "which codes so many patients have that no one of them decides it, and their flat counts"
MOST_CODES = 10_000  # distinct codes of one patient, more than any record has: the proof wants a bound, the noise not


def select_vocabulary(
    train: CodeMatrix,
    ledger: Ledger,
    source: NoiseSource,
    *,
    exclusive: Mapping[str, str],
    noise_multiplier: float,
    delta: float,
) -> tuple[Vocabulary, tuple[Floats, float]]:
    """The codes above the threshold, and what `first_look` would say of those that are in no group.

    exclusive: code system -> group, as was configured: which groups the patients have is not looked at. delta: what the
    threshold adds to that of the release.

    Raises:
        BadData: no code is common enough at this noise.
    """
    vocabulary = train.vocabulary
    records = Curator(train.binary(), ledger, source)
    clip = float(np.sqrt(CLIP_CODES + len(exclusive)))
    told, found = records.frequent(QUERY, clip=clip, noise_multiplier=noise_multiplier, delta=delta, most=MOST_CODES)
    free = told & np.isin(np.arange(len(told)), vocabulary.free)
    if not free.any():
        raise BadData(
            f"No code stands out of noise of {found.noise:.0f} patients: give a public list of codes (vocabulary in "
            "[cohort] of a recipe), or a larger epsilon."
        )
    kept = np.flatnonzero(told)
    chosen = Vocabulary(
        tuple(vocabulary.code[j] for j in kept),
        tuple(vocabulary.description[j] for j in kept),
        tuple(vocabulary.group[j] for j in kept),
    )
    return _with_unknown(chosen, exclusive), (found.value[free], found.noise)


def _with_unknown(chosen: Vocabulary, exclusive: Mapping[str, str]) -> Vocabulary:
    """Each group's `unknown` first, whether it was chosen or not: some patients may have lost their member."""
    wanted = {f"{system}{UNKNOWN}": group for system, group in exclusive.items()}
    missing = [code for code in wanted if code not in chosen.index]
    return Vocabulary(
        (*missing, *chosen.code),
        (*("" for _ in missing), *chosen.description),
        (*(wanted[code] for code in missing), *chosen.group),
    )
