"""What several releases of the same patients tell together: what is known of it, and what plainly is not."""

import math
from collections.abc import Sequence

from privacy.risk import Risk
from privacy.statement import rounded_up
from reports.numbers import Grain, fixed, whole
from reports.view import ReportView
from synthehr.release.register import Release

PREVIOUS = "previous_release"  # how an evaluation calls an earlier release that was attacked beside this one


def together_words(view: ReportView, grain: Grain) -> list[str]:
    """What a reader who also has the earlier releases gains, in sentences."""
    words = [_listed(view.earlier)]
    if view.earlier:
        words.append(_added(view, view.earlier))
    previous = _previous(view.decision.risks)
    if previous is not None:
        was = previous.others[PREVIOUS]
        words.append(
            f"The same attack on the last release alone finds {fixed(100 * was, grain.hundred)} of 100 members; both "
            "at once were not attacked."
        )
    elif view.earlier:
        words.append("No attack was made on several releases at once.")
    return words


def recipients_words(earlier: Sequence[Release] | None) -> str:
    """Who else got a release of these patients."""
    if earlier is None:
        return "Not known here: no register of releases was named."
    names = list(dict.fromkeys(one.recipients for one in earlier if one.recipients))
    if not earlier:
        return "Nobody, as far as the register says."
    told = f": {'; '.join(names)}" if names else ""
    return f"{_times(len(earlier))} before{told}."


def _listed(earlier: Sequence[Release] | None) -> str:
    if earlier is None:
        return "No register of releases was named: whether these patients' data went out before is not known here."
    if not earlier:
        return "The register has no other release of these patients."
    return f"The register has {len(earlier)} other release{'s' if len(earlier) > 1 else ''} of these patients."


def _added(view: ReportView, earlier: Sequence[Release]) -> str:
    """Epsilons add up over synthetic cohorts: one that went out twice was made once."""
    spent = {one.synthetic: one.epsilon for one in earlier if one.synthetic != view.hashes.get("synthetic")}
    if not spent:
        return "It is of this very cohort: whoever has both knows no more."
    own = view.ledger.epsilon if view.ledger.budget is not None else math.inf
    bare = sum(epsilon is None for epsilon in spent.values()) + math.isinf(own)
    if bare:
        return (
            f"{whole(bare)} of these {whole(len(spent) + 1)} have no differential privacy, so together they have none."
        )
    total = own + sum(epsilon for epsilon in spent.values() if epsilon is not None)
    return f"Their epsilons add up, with this one, to at most {rounded_up(total)}."


def _previous(risks: Sequence[Risk]) -> Risk | None:
    found = [r for r in risks if r.metric == "tpr_at_fpr_0.01" and PREVIOUS in r.others]
    return max(found, key=lambda risk: (risk.verdict is not None, risk.others[PREVIOUS]), default=None)


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{whole(count)} times"
