"""Audit of a curator by those who see its answers: canaries are patients with columns, or pairs of them, of their own.

What an answer says of a canary is read where no other canary can be: there it holds the canary's part if it is in, what
patients other than canaries add, which the auditor knows, and noise. How records are scaled is worked out here anew,
from what the documentation of `privacy.curator.Curator` promises and not by its code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.audit.canaries import Audit, audited, coins
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource

KNOWLEDGE = "all answers of the curator, and all patients but the canaries"
ASKED = ("sums", "frequent", "pairs")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a curator was asked, and said.

    kind: of ASKED. weights: (d,). clip: 1 for pairs. most: columns that a patient can fill (frequent). value: (d,), nan
    where a column is not told, or (d, d) of pairs. noise: standard deviation that is told.
    """

    kind: str
    query: str
    weights: Floats
    clip: float
    most: int
    value: Floats
    noise: float


@contextmanager
def overheard() -> Iterator[list[Answer]]:
    """Every answer that any curator gives meanwhile, in order: its own methods work it out, and this notes it down."""
    heard: list[Answer] = []
    methods = {name: getattr(Curator, name) for name in ASKED}

    def listening(kind: str) -> Callable[..., Any]:
        def method(self: Curator, query: str, *given: Any, **asked: Any) -> Any:
            found = methods[kind](self, query, *given, **asked)
            told = found[1] if kind == "frequent" else found
            weights = given[0] if given else asked.get("weights", np.ones(self.n_columns))
            # copies: who asked may go on to change the arrays
            value = np.array(told.value)
            clip, most = asked.get("clip", 1.0), asked.get("most", self.n_columns)
            heard.append(Answer(kind, query, np.array(weights, dtype=np.float64), clip, most, value, told.noise))
            return found

        return method

    for name in ASKED:
        setattr(Curator, name, listening(name))
    try:
        yield heard
    finally:
        for name, method in methods.items():
            setattr(Curator, name, method)


def own_columns(m: int, *, width: int = 1) -> sparse.csr_matrix:
    """CSR (m, m width) of m canaries, each with `width` columns that nobody else has."""
    return sparse.csr_matrix(sparse.kron(sparse.identity(m), np.ones((1, width))))


def audit_curator(
    ask: Callable[[Curator], object],
    *,
    canaries: sparse.csr_matrix,
    others: sparse.csr_matrix,
    ledger: Ledger,
    source: NoiseSource,
    secret: NoiseSource,
) -> Audit:
    """Ask a curator of patients, some of them canaries, and tell what its answers prove against its ledger.

    ask: puts questions to a curator. canaries: CSR (m, d) of 0 and 1; others: CSR (n, d), who are in for certain.
    ledger: with a budget. source: of the curator's noise. secret: of the coins, under another key.

    Raises:
        ValueError: a ledger without a budget, or fewer canaries than can prove anything.
    """
    if ledger.budget is None:
        raise ValueError("An audit needs a claim to hold against: give the ledger a budget.")
    coin = coins(canaries.shape[0], secret)
    rows = sparse.vstack([others, canaries[coin]], format="csr")
    with overheard() as answers:
        ask(Curator(rows, ledger, source))
    found = sum((evidence(answer, canaries, others) for answer in answers), np.zeros(len(coin)))
    return audited(found, coin, claim=ledger.epsilon, delta=ledger.budget.delta, knowledge=KNOWLEDGE)


def evidence(answer: Answer, canaries: sparse.csr_matrix, others: sparse.csr_matrix) -> Floats:
    """(m,) log-likelihood ratio of in to out, for each canary; of several answers it adds up.

    With u the canary's part and y what the answer holds in its place, less what others add: u (y - u / 2) / noise^2,
    summed over the places that are the canary's alone. That weights answers by the inverse of their variance.
    """
    if answer.kind == "pairs":
        place, size, seen = _pairs(answer, canaries, others)
    else:
        place, size, seen = _columns(answer, canaries, others)
    ratio = size * (seen - size / 2) / answer.noise**2
    return np.asarray(np.bincount(place, weights=ratio, minlength=canaries.shape[0]), dtype=np.float64)


def _columns(
    answer: Answer, canaries: sparse.csr_matrix, others: sparse.csr_matrix
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Of each place that is one canary's alone: whose, its part, and what is seen there less what others add."""
    parts = sparse.coo_matrix(_scaled(answer, canaries))
    alone = np.bincount(parts.col, minlength=parts.shape[1])[parts.col] == 1
    column, size = parts.col[alone], parts.data[alone]
    rest = np.asarray(_scaled(answer, others).sum(axis=0)).ravel()
    seen = answer.value[column] - rest[column]
    untold = np.isnan(seen)
    # a column that nobody else has is told only if the canary is there; one that is not told says nothing
    seen[~untold & (answer.kind == "frequent") & (rest[column] == 0)] = np.inf
    return parts.row[alone], size, np.where(untold, size / 2, seen)


def _pairs(
    answer: Answer, canaries: sparse.csr_matrix, others: sparse.csr_matrix
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """As `_columns`, of pairs above the diagonal."""
    scaled = _scaled(answer, canaries)
    who, first, second, size = [], [], [], []
    for j in range(scaled.shape[0]):
        columns = scaled.indices[scaled.indptr[j] : scaled.indptr[j + 1]]
        values = scaled.data[scaled.indptr[j] : scaled.indptr[j + 1]]
        a, b = np.triu_indices(len(columns), 1)
        who.append(np.full(len(a), j))
        first.append(columns[a])
        second.append(columns[b])
        size.append(values[a] * values[b])
    place, row, column, part = (np.concatenate(listed) for listed in (who, first, second, size))
    _, inverse, times = np.unique(
        np.minimum(row, column).astype(np.int64) * scaled.shape[1] + np.maximum(row, column),
        return_inverse=True,
        return_counts=True,
    )
    alone = times[inverse] == 1
    place, row, column, part = place[alone], row[alone], column[alone], part[alone]
    rest = _scaled(answer, others)
    gram = sparse.csr_matrix(rest.T @ rest)
    return place, part, answer.value[row, column] - np.asarray(gram[row, column]).ravel()


def _scaled(answer: Answer, records: sparse.csr_matrix) -> sparse.csr_matrix:
    """CSR (n, d): what each record adds to the answer, or the vector whose pairs it adds."""
    rows = sparse.csr_matrix(sparse.csr_matrix(records, dtype=np.float64) @ sparse.diags(answer.weights))
    rows.eliminate_zeros()
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    if answer.kind == "pairs":
        factors = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    else:
        factors = np.minimum(1.0, np.divide(answer.clip, norms, out=np.ones_like(norms), where=norms > 0))
        factors[np.diff(rows.indptr) > answer.most] = 0.0
    scaled = sparse.csr_matrix(sparse.diags(factors) @ rows)
    scaled.eliminate_zeros()
    return scaled
