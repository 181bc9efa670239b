"""Which of these would you release? Every gate of a policy on releases of the same real patients, in one table.

    python -m benchmarks.leaks.diabetes130 COHORT benchmarks/results/releases.json --synthetic NAME=SYN ...
    python -m benchmarks.leaks.diabetes130 COHORT benchmarks/results/releases_overtrained.json --patients 2000

COHORT: what `synthehr run` or `ingest` made of Diabetes-130. SYN: what a generator trained on it generated; the first
is also tried with a few of its records replaced by members. With --patients, so many training patients are the members,
and a medGAN is over-trained on them in place of all SYN: it takes so few to overfit one in minutes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from benchmarks.leaks.overtrained import overtrained
from pipelines.adversary import ANONYMITY, declared, quasi_identifiers
from pipelines.evaluate import read_synthetic, sample_comparators, split_holdout
from privacy.assess import CEILING, CONTROL, SYNTHETIC, joined, tried
from privacy.comparators.generalised import k_anonymised
from privacy.ledger import Ledger
from privacy.patients import Patients
from privacy.policy import decide
from privacy.policy_file import Policy, load_policy
from synthehr.cohort.cohort import SPLITS, Cohort, read_cohort
from synthehr.landing import versions, write_text

PASSES = 300
COPIES = (10, 465)  # of some 46,500: two in ten thousand, and 1 %
WORDS = {CONTROL: "real patients never seen", CEILING: "a copy of the training data"}


def of_few(cohort: Cohort, n: int, seed: int) -> Cohort:
    """The cohort with n of its training patients; the others are nobody's."""
    train = np.flatnonzero(cohort.split == SPLITS.index("train"))
    kept = np.random.default_rng([seed, 3]).permutation(train)[:n]
    rest = np.flatnonzero(cohort.split != SPLITS.index("train"))
    chosen = np.sort(np.concatenate([kept, rest]))
    return Cohort(cohort.matrix.rows(chosen), cohort.split[chosen])


def releases_of(cohort: Cohort, synthetic: dict[str, Path], policy: Policy, seed: int) -> dict[str, Any]:
    """The releases by name, CSR of 0 and 1; each as many records as there are members, or what is left of them."""
    train = cohort.part("train")
    members, n = train.binary(), len(train)
    if not synthetic:
        first = {"over-trained medGAN": overtrained(members, train.vocabulary, n, seed=seed, epochs=PASSES)}
    else:
        first = {name: read_synthetic(folder).binary() for name, folder in synthetic.items()}
        name, made = next(iter(first.items()))
        first |= {f"{name}, {c} records copied": with_copies(made, members, c, seed) for c in COPIES}
    simple = sample_comparators(cohort, ("copula", "independent"), n, seed=seed)
    groups = quasi_identifiers(train.vocabulary, policy)
    anonymous = {f"k-anonymised, k = {k}": k_anonymised(members, groups, k) for k in ANONYMITY}
    return first | {name: matrix.binary() for name, matrix in simple.items()} | anonymous


def with_copies(release: sparse.csr_matrix, members: sparse.csr_matrix, copies: int, seed: int) -> sparse.csr_matrix:
    """The release with its first records replaced by as many different members."""
    chosen = np.random.default_rng([seed, 4, copies]).choice(members.shape[0], copies, replace=False)
    return sparse.vstack([members[chosen], release[copies:]], format="csr")


def table(cohort: Cohort, releases: dict[str, Any], policy: Policy, seed: int) -> dict[str, Any]:
    """Release -> verdict, reasons, and every judged figure with interval and p."""
    holdout, train = split_holdout(cohort.part("holdout"), seed=seed), cohort.part("train")
    patients = Patients(
        members=train.binary(),
        nonmembers=holdout.test.binary(),
        reference=holdout.reference.binary(),
        fresh=holdout.control.binary(),
        codes=train.vocabulary.code,
    )
    every = {**releases, CONTROL: patients.fresh, CEILING: patients.members}
    found, _ = tried(patients, every, seed=seed, declared=declared(train.vocabulary, policy))
    rows = {}
    for name, findings in found.items():
        risks = joined({SYNTHETIC: findings, CONTROL: found[CONTROL], CEILING: found[CEILING]})
        decision = decide(list(risks), Ledger(), policy)
        rows[WORDS.get(name, name)] = {
            "records": int(every[name].shape[0]),
            "verdict": decision.verdict,
            "released": decision.released,
            "reasons": list(decision.reasons),
            "gates": {
                f"{risk.attack} {risk.metric}": {
                    key: getattr(risk, key)
                    for key in (
                        "value",
                        "low",
                        "high",
                        "n",
                        "p_adjusted",
                        "threshold",
                        "alpha",
                        "verdict",
                        "detectable",
                    )
                }
                for risk in decision.risks
                if risk.verdict or risk.p is not None
            },
        }
    return rows


def print_table(rows: dict[str, Any]) -> None:
    """One column a release, one row a figure, in Markdown; F, I and P are its verdicts where it is a gate."""
    print(f"| | {' | '.join(rows)} |\n{'|---' * (len(rows) + 1)}|")
    for name in next(iter(rows.values()))["gates"]:
        gates = [row["gates"].get(name) for row in rows.values()]
        cells = [f"{gate['value']:.4f} {(gate['verdict'] or ' ')[0]}" if gate else "" for gate in gates]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"| verdict | {' | '.join(row['verdict'] for row in rows.values())} |")


def main() -> None:
    """Attack, judge, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--synthetic", nargs="+", default=[], metavar="NAME=SYN")
    parser.add_argument("--patients", type=int)
    parser.add_argument("--policy", default="public_release")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if bool(given.synthetic) == (given.patients is not None):
        parser.error("give either --synthetic or --patients")
    torch.set_num_threads(1)
    cohort, policy = read_cohort(given.cohort), load_policy(given.policy)
    if given.patients is not None:
        cohort = of_few(cohort, given.patients, given.seed)
    synthetic = {name: Path(folder) for name, folder in (named.split("=", 1) for named in given.synthetic)}
    rows = table(cohort, releases_of(cohort, synthetic, policy, given.seed), policy, given.seed)
    print_table(rows)
    facts = {"policy": policy.name, "seed": given.seed, "members": len(cohort.part("train")), "versions": versions()}
    write_text(given.out, json.dumps(facts | {"releases": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
