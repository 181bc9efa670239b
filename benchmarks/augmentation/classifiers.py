"""The classifiers of a code from all others: L2 logistic regression, its penalty chosen in each arm, and boosted trees.

What one penalty does to 50,000 patients it does not do to twice as many, or to reweighted ones. So each arm chooses its
own, by real patients: folds of the real ones are left out, and what the arm adds is added to the rest. Synthetic
patients come from a generator that has seen the fold left out; that touches the choice, not the test.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks.augmentation.arms import Fitted, has
from synthehr.fidelity.ranking import auroc

PENALTIES = (1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)  # C of scikit-learn, ascending: each starts where the last ended
PATIENCE = 2  # penalties that are worse than the best before the weaker ones are left untried
FOLDS = 3
ROUNDS = (5, 10, 20, 40)  # of boosting: the last is what is reported, the others say what was lost by it
SHOWN = 0.01  # trees are shown the codes that so many of the real patients have

Scores = NDArray[np.float64]  # (n_test, n_settings): of test patients, by each penalty or number of rounds


def regressions(fit: Fitted, code: int, test: sparse.csr_matrix) -> Iterator[NDArray[np.float64]]:
    """Log odds (n_test,) by the regression of each penalty, the strongest first."""
    shown, label, asked = _shown(fit.rows, code), has(fit.rows, code), _shown(test, code)
    model = LogisticRegression(max_iter=300, warm_start=True)
    for penalty in PENALTIES:
        model.set_params(C=penalty).fit(shown, label, sample_weight=fit.weight)
        yield np.asarray(model.decision_function(asked))


def _shown(rows: sparse.csr_matrix, code: int) -> sparse.csr_matrix:
    """All codes but this, and how many there are of them, in tens."""
    others = np.delete(np.arange(rows.shape[1]), code)
    size = (np.diff(rows.indptr) - has(rows, code)) / 10
    return sparse.hstack([rows[:, others].astype(np.float64), size[:, None]], format="csr")


def chosen_penalty(
    arm: Callable[[sparse.csr_matrix], Fitted], code: int, real: sparse.csr_matrix, rng: np.random.Generator
) -> tuple[int, int]:
    """Position in `PENALTIES` of the best mean AUROC over folds of real patients, and how many were tried.

    Each fold has its share of the positives.
    """
    label = has(real, code)
    fold = np.empty(len(label), dtype=np.int64)
    for side in (label, ~label):
        fold[side] = rng.permutation(np.arange(side.sum()) % FOLDS)
    paths = [regressions(arm(real[fold != k]), code, real[fold == k]) for k in range(FOLDS)]
    reached: list[float] = []
    for scores in zip(*paths, strict=True):
        each = [aurocs(s[:, None], label[fold == k])[0] for k, s in enumerate(scores)]
        reached.append(float(np.mean(each)))
        if len(reached) - 1 - int(np.argmax(reached)) >= PATIENCE:
            break
    return int(np.argmax(reached)), len(reached)


def boosted(fit: Fitted, code: int, real: sparse.csr_matrix, test: sparse.csr_matrix, *, seed: int) -> Scores:
    """Log odds by trees of 8 leaves after each of `ROUNDS`; features: the commoner codes, and how many codes in all."""
    common = np.bincount(real.indices, minlength=real.shape[1]) >= SHOWN * real.shape[0]
    common[code] = False
    label = has(fit.rows, code)
    trees = HistGradientBoostingClassifier(
        max_iter=max(ROUNDS), max_leaf_nodes=8, l2_regularization=1.0, early_stopping=False, random_state=seed
    ).fit(_dense(fit.rows, common, code), label, sample_weight=fit.weight)
    stages = enumerate(trees.staged_decision_function(_dense(test, common, code)), 1)
    return np.stack([np.ravel(scores) for k, scores in stages if k in ROUNDS], axis=1)


def _dense(rows: sparse.csr_matrix, common: NDArray[np.bool_], code: int) -> NDArray[np.float32]:
    sizes = np.diff(rows.indptr) - has(rows, code)
    return np.column_stack([rows[:, np.flatnonzero(common)].toarray().astype(np.float32), sizes.astype(np.float32)])


def aurocs(scores: Scores, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n_settings,) AUROC of each."""
    return auroc(scores, np.broadcast_to(positive[:, None], scores.shape))
