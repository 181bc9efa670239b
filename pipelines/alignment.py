"""One vocabulary for real and synthetic patients: a private run tells of fewer codes than its cohort has."""

from dataclasses import replace
from pathlib import Path

from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import UNKNOWN, CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import IncompleteLanding


def aligned(cohort: Cohort, *releases: tuple[Path, CodeMatrix]) -> tuple[Cohort, list[CodeMatrix]]:
    """The cohort and releases over the cohort's codes, and over members `unknown` that only a release has.

    A code that a release does not have is one that none of its patients has. Nothing is copied where the vocabularies
    are the same.

    Raises:
        IncompleteLanding: a release has other codes, or a code in another group.
    """
    vocabulary = cohort.matrix.vocabulary
    for folder, release in releases:
        vocabulary = _with_unknown(vocabulary, release.vocabulary, folder)
    if vocabulary != cohort.matrix.vocabulary:
        cohort = replace(cohort, matrix=cohort.matrix.onto(vocabulary))
    moved = [m if m.vocabulary == vocabulary else m.onto(vocabulary) for _, m in releases]
    return cohort, moved


def _with_unknown(own: Vocabulary, other: Vocabulary, folder: Path) -> Vocabulary:
    group = dict(zip(own.code, own.group, strict=True))
    extra = []
    for code, name in zip(other.code, other.group, strict=True):
        if code not in group and name is not None and code.endswith(UNKNOWN):
            extra.append((code, name))
        elif code not in group or group[code] != name:
            raise IncompleteLanding(
                f"{folder} has another vocabulary than the cohort: generate it again from a run trained on this one."
            )
    codes, names = (tuple(part) for part in zip(*extra, strict=True)) if extra else ((), ())
    return Vocabulary(own.code + codes, own.description + ("",) * len(codes), own.group + names)
