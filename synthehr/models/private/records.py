"""What a curator is given of patients: their codes, and how many of each system, one row a patient.

Everything here is worked out from one patient at a time, over columns that are public: adding a patient adds a row and
changes no other.
"""

import numpy as np

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.sizes import SizeHead, extended, extended_vocabulary, size_heads

MOST_CODES = 64  # of a system; more count as so many. Public: the largest number in the data would tell of one patient


def public_heads(vocabulary: Vocabulary) -> tuple[SizeHead, ...]:
    """Sizes 0 to MOST_CODES of every code system of two codes or more."""
    systems = {system: codes for system, codes in vocabulary.free_by_system.items() if len(codes) > 1}
    return size_heads(vocabulary, {s: np.arange(min(len(codes), MOST_CODES) + 1) for s, codes in systems.items()})


def private_records(train: CodeMatrix) -> CodeMatrix:
    """Presence of each code, and one-hot sizes of each system: CSR (n, n_codes + sizes) of 0 and 1."""
    wide = extended(train, public_heads(train.vocabulary))
    return CodeMatrix(wide.binary().astype(np.uint16), wide.ids, wide.vocabulary)


def records_vocabulary(vocabulary: Vocabulary) -> Vocabulary:
    """The columns of `private_records` over a vocabulary."""
    return extended_vocabulary(vocabulary, public_heads(vocabulary))
