"""Put the tier of this house to one release, as the outside tools are asked: training table, holdout, release.

    python synthehr_worker.py TABLES.npz --seed 0 --memory-gb 16

The holdout is cut as by `synthehr attack`: half are the non-members, a quarter the attacker's reference, a quarter the
control. `smallest_p` is Holm's over all attacks: below .05 a leak was found; `refused` is 1 where the policy for public
release does not let the table through.
"""

from scipy import sparse
from worker import Figures, Part, Tables, asked_tables, say_parts

from pipelines.attack import cut_holdout
from privacy.assess import assess
from privacy.ledger import Ledger
from privacy.patients import Patients
from privacy.policy import decide
from privacy.policy_file import load_policy


def judged(tables: Tables) -> Figures:
    """The smallest p of the tier, the figures of its gates, and the decision."""
    holdout = sparse.csr_matrix(tables.holdout.to_numpy())
    cut = cut_holdout(holdout.shape[0], seed=tables.seed)
    patients = Patients(
        members=sparse.csr_matrix(tables.train.to_numpy()),
        nonmembers=holdout[cut.nonmembers],
        reference=holdout[cut.reference],
        fresh=holdout[cut.fresh],
        codes=tuple(tables.train),
    )
    risks = assess(patients, sparse.csr_matrix(tables.synthetic.to_numpy()), seed=tables.seed).risks
    decision = decide(risks, Ledger(), load_policy())
    figures = {
        "smallest_p": min(risk.p_adjusted for risk in risks if risk.p_adjusted is not None),
        "refused": float(not decision.released),
        "failed": float(decision.verdict == "FAIL"),
    }
    return figures | {f"{r.attack} {r.metric}": r.value for r in decision.risks if r.verdict}


def main() -> None:
    """Ask the whole tier at once."""
    tables = asked_tables()
    parts: dict[str, Part] = {"no-box tier": lambda: judged(tables)}
    say_parts(("synthehr", "numpy", "pandas", "scikit-learn"), tables, parts)


if __name__ == "__main__":
    main()
