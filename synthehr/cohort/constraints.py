"""What cannot be: codes in patients who cannot have them, learned from the training patients or given by a site."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest

LEVEL = 0.05  # that any rule at all is learned from chance
# Of the carriers that independence expects with the member, 1 in 50 at most are there. For a sex, which half of the
# patients have, that is 1 % of the carriers. A share of the carriers would not do for all: a member that only 1 % of
# the patients have would pass it with any code. On Diabetes-130 every tolerance from 0 to 0.1 finds the same 31 rules
# of sex, all of anatomy or childbirth; from 0.05 on, rules of age come in that are mere rarity (arthrosis at 20 to 30).
TOLERANCE = 0.02

CodePairs: TypeAlias = Iterable[tuple[str, str]] | Mapping[str, str | Iterable[str]]
Rules: TypeAlias = NDArray[np.int64]  # (n_rules, 2): column of a code, column of the member it must not come with


def column_pairs(vocabulary: Vocabulary, pairs: CodePairs) -> NDArray[np.int64]:
    """Columns (n_pairs, 2) of pairs of codes, in their order, without repeats; a mapping goes from a code to others.

    Raises:
        BadRequest: a code is not in the vocabulary, or both codes are one or members of the same exclusive group.
    """
    listed = list(_flat(pairs) if isinstance(pairs, Mapping) else pairs)
    if unknown := sorted({code for pair in listed for code in pair} - set(vocabulary.code)):
        raise BadRequest(f"Declared pairs name codes that the vocabulary does not have: {', '.join(unknown[:5])}.")
    columns = [(vocabulary.index[one], vocabulary.index[other]) for one, other in dict.fromkeys(listed)]
    for one, other in columns:
        group = vocabulary.group[one]
        if one == other or (group is not None and group == vocabulary.group[other]):
            raise BadRequest(
                f"{vocabulary.code[one]} and {vocabulary.code[other]} must be two codes, and not of one exclusive "
                "group: nothing is to be learned from such a pair."
            )
    return np.asarray(columns, dtype=np.int64).reshape(-1, 2)


def _flat(pairs: Mapping[str, str | Iterable[str]]) -> Iterable[tuple[str, str]]:
    for code, others in pairs.items():
        for other in [others] if isinstance(others, str) else others:
            yield code, other


def site_rules(vocabulary: Vocabulary, pairs: CodePairs) -> Rules:
    """Rules that a site declares, as pairs of a code and a member of an exclusive group that must not come together.

    Raises:
        BadRequest: an unknown code, or a pair that is not a free code and then a member.
    """
    rules = column_pairs(vocabulary, pairs)
    for code, member in rules:
        if vocabulary.group[code] is not None or vocabulary.group[member] is None:
            raise BadRequest(
                f"A rule must be a code of no exclusive group and a member of one, such as ('ICD9CM/185', "
                f"'SEX/female'). Got {(vocabulary.code[code], vocabulary.code[member])!r} instead."
            )
    return rules


def learn_rules(train: CodeMatrix, *, tolerance: float = TOLERANCE, level: float = LEVEL) -> Rules:
    """Pairs of a free code and a member of an exclusive group that hardly ever come together in the training patients.

    Both must hold. The patients with both are at most `tolerance` of those that independence expects, and so few are
    improbable: one-sided hypergeometric test given the carriers of both (Fisher's exact test), at `level` divided by
    all pairs (Bonferroni; Holm would compare with the same within a few per cent, since few pairs are rules). So a code
    needs some 19 carriers for a rule about a sex, and none is learned about a member that very few patients have.
    Ascending by code, then member.

    Raises:
        ValueError: tolerance or level outside [0, 1).
    """
    for name, given in {"tolerance": tolerance, "level": level}.items():
        if not 0 <= given < 1:
            raise ValueError(f"The {name!r} parameter of learn_rules must be in [0, 1). Got {given} instead.")
    free, members = train.vocabulary.free, _members(train.vocabulary)
    binary = train.binary().astype(np.int64)
    together = np.asarray((binary[:, free].T @ binary[:, members]).toarray())
    carriers = np.bincount(binary.indices, minlength=binary.shape[1])
    expected = np.outer(carriers[free], carriers[members]) / len(train)
    # the test is slow: few pairs need it
    code, member = np.nonzero((expected > 0) & (together <= tolerance * expected))
    p = stats.hypergeom.cdf(together[code, member], len(train), carriers[members[member]], carriers[free[code]])
    found = p <= level / max(together.size, 1)
    rules = np.stack([free[code[found]], members[member[found]]], axis=1)
    return np.asarray(rules[np.lexsort((rules[:, 1], rules[:, 0]))], dtype=np.int64)


def _members(vocabulary: Vocabulary) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *vocabulary.groups.values()])
