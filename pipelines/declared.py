"""Declared: the [fidelity] section of a recipe held against a cohort, before hours of training go by."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.sections import Fidelity
from synthehr.cohort.constraints import column_pairs, site_rules
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.fidelity.downstream import outcome_columns

CHECKS: Mapping[str, Callable[[Vocabulary, Any], Any]] = {
    "rules": site_rules,
    "effects": column_pairs,
    "outcomes": outcome_columns,
}

NOTHING = Fidelity()


def check_declared(vocabulary: Vocabulary, fidelity: Fidelity) -> None:
    """Check that every code that a site declares is in the vocabulary, and every pair one that says something.

    Raises:
        BadRequest: the message has the key, what was expected, what came, and the nearest code that there is.
    """
    for key, check in CHECKS.items():
        try:
            check(vocabulary, getattr(fidelity, key))
        except BadRequest as error:
            raise BadRequest(f"[fidelity] {key}: {error}{_hint(vocabulary, getattr(fidelity, key))}") from None


def _hint(vocabulary: Vocabulary, declared: tuple[str | tuple[str, str], ...]) -> str:
    """The nearest code to the first that is unknown, else the code systems that there are; nothing if all are known."""
    codes = [code for one in declared for code in ((one,) if isinstance(one, str) else one)]
    unknown = next((code for code in codes if code not in vocabulary.index), None)
    if unknown is None:
        return ""
    close = difflib.get_close_matches(unknown, vocabulary.code, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Its systems: {', '.join(dict.fromkeys(vocabulary.system))}."
