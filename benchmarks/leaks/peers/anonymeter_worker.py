"""Anonymeter on one release: singling out, linkability and inference, each with the holdout as control.

    python anonymeter_worker.py TABLES.npz --seed 0 --memory-gb 16

500 attacks each, its default. A risk is (attack - control) / (1 - control), cut to [0, 1], with Anonymeter's own 95 %
interval. Where it has a choice: linkability splits the codes into even and odd columns; inference guesses three secrets
(the commonest code, that nearest to 5 % and that nearest to 1 % of the training data) from all other codes.
"""

from functools import partial
from typing import Any

from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
from worker import Figures, Part, Tables, asked_tables, say_parts

# its default, 10,000,000 attempts at 500 queries, takes most of an hour where few combinations of codes are unique
MOST_ATTEMPTS = 50_000


def figures_of(evaluated: Any) -> Figures:
    """Risk with interval, and successes of the attack, of the random attacker and on the control."""
    risk, results = evaluated.risk(), evaluated.results()
    return {
        "risk": risk.value,
        "risk_low": risk.ci[0],
        "risk_high": risk.ci[1],
        "attacks": results.n_attacks_ori,
        "successes": results.n_success,
        "baseline_successes": results.n_baseline,
        "control_successes": results.n_control,
    }


def singling_out(tables: Tables, mode: str, n_cols: int = 3) -> Figures:
    """Queries that match one synthetic record, tried on the training data. n_cols: codes in a query."""
    evaluator = SinglingOutEvaluator(
        ori=tables.train,
        syn=tables.synthetic,
        control=tables.holdout,
        n_cols=n_cols,
        max_attempts=MOST_ATTEMPTS,
        seed=tables.seed,
    )
    return figures_of(evaluator.evaluate(mode=mode))


def linkability(tables: Tables, n_neighbors: int) -> Figures:
    """Both halves of a record have a common synthetic record among their nearest `n_neighbors`."""
    codes = list(tables.train)
    halves = (codes[::2], codes[1::2])
    evaluator = LinkabilityEvaluator(
        ori=tables.train, syn=tables.synthetic, control=tables.holdout, aux_cols=halves, n_neighbors=n_neighbors
    )
    return figures_of(evaluator.evaluate(n_jobs=1))


def inference(tables: Tables, secret: str) -> Figures:
    """`secret` is guessed to be as in the synthetic record that is nearest in all other codes."""
    known = [code for code in tables.train if code != secret]
    evaluator = InferenceEvaluator(
        ori=tables.train, syn=tables.synthetic, control=tables.holdout, aux_cols=known, secret=secret
    )
    return figures_of(evaluator.evaluate(n_jobs=1))


def main() -> None:
    """Ask one evaluator after another."""
    tables = asked_tables()
    shares = tables.train.mean()
    secrets = {name: (shares - share).abs().idxmin() for name, share in (("5 %", 0.05), ("1 %", 0.01))}
    parts: dict[str, Part] = {
        "singling out, univariate": partial(singling_out, tables, "univariate"),
        "singling out, 3 codes": partial(singling_out, tables, "multivariate"),
        "singling out, 8 codes": partial(singling_out, tables, "multivariate", 8),
        "linkability, 1 neighbour": partial(linkability, tables, 1),
        "linkability, 10 neighbours": partial(linkability, tables, 10),
    }
    for name, secret in ({"commonest": shares.idxmax()} | secrets).items():
        parts[f"inference, {name} code"] = partial(inference, tables, secret)
    say_parts(("anonymeter", "numpy", "pandas", "polars", "numba"), tables, parts)


if __name__ == "__main__":
    main()
