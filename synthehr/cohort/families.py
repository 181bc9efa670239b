"""Families: codes that a classification puts side by side, read off the characters that they share."""

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.vocabulary import Vocabulary

CHARACTERS = {  # of a code's value, at which its system branches: chapter or block, then category and so on
    "ICD9CM": (1, 2, 3),
    "ICD9PROC": (1, 2),
    "ICD10CM": (1, 2, 3),
    "ICD10": (1, 2, 3),
    "ICD10PCS": (1, 2, 3),
    "ATC": (1, 3, 4, 5),
    "CCSR": (3,),
}


def families(vocabulary: Vocabulary) -> NDArray[np.int64]:
    """(n_codes, depth) the families of each code, numbered from 0, from the widest to the narrowest; -1 for none.

    `ICD9CM/428` is in those of `4` and `42`, with all other diseases of the circulatory system and of the heart in the
    vocabulary. Families of one member are left out, and so are members of exclusive groups and codes of systems that
    do not branch by their characters (drug names, laboratory tests).
    """
    depth = max(len(lengths) for lengths in CHARACTERS.values())
    found = np.full((len(vocabulary), depth), -1, dtype=np.int64)
    members: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for j in vocabulary.free:
        system, _, value = vocabulary.code[j].partition("/")
        for k, length in enumerate(CHARACTERS.get(system, ())):
            if len(value) > length:
                members.setdefault((system, value[:length]), []).append((int(j), k))
    shared = [places for places in members.values() if len(places) > 1]
    for number, places in enumerate(shared):
        for j, k in places:
            found[j, k] = number
    return found
