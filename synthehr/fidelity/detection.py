"""Detection: can a classifier tell the candidate's patients from real ones (classifier two-sample test)?"""

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.ranking import auroc, auroc_variance
from synthehr.fidelity.score import Estimate, Measure

BOOSTED = Measure(name="detection_auroc_boosted", better="lower", lowest=0, highest=1)
LINEAR = Measure(name="detection_auroc_linear", better="lower", lowest=0, highest=1)

COMMONEST = 300  # codes shown one by one; of the rarer ones the SVD scores and the sums tell
COMPONENTS = 50
FOLDS = 2
BLIND = "sees marginals only: an independent sampler passes"

Features: TypeAlias = Any  # CSR or dense (n, n_features) float32


class Classifier(Protocol):
    """What a scikit-learn classifier with a decision function does."""

    def fit(self, features: Features, labels: NDArray[np.bool_]) -> object:
        """Learn which rows are the candidate's."""

    def decision_function(self, features: Features) -> NDArray[np.float64]:
        """(n,) higher where the row looks like the candidate's."""


def detection(test: CodeMatrix, candidate: CodeMatrix, *, seed: int) -> list[Estimate]:
    """AUROC of real (test) against candidate patients; 0.5 is indistinguishable (Lopez-Paz and Oquab 2017).

    Boosted: gradient-boosted trees on the 300 commonest codes, the scores of a 50-component SVD of all codes, and the
    number of codes, whole and by code system. Linear: logistic regression on all codes, blind to what codes do
    together. Mean over two cross-fitted folds, each patient scored by the model that has not seen it; interval from
    DeLong's variance. Lower is better and 0.5 the aim: what lies below it is chance, or rows copied from the test
    patients, which the risk report looks for. At least 4 patients a side.
    """
    binary = sparse.vstack([test.binary(), candidate.binary()], format="csr").astype(np.float32)
    labels = np.arange(binary.shape[0]) >= len(test)
    trees = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
    linear = LogisticRegression(max_iter=1000)
    dense = _features(binary, test.vocabulary, seed)
    n = len(candidate)
    boosted = _cross_fitted_auroc(trees, dense, labels, seed)
    return [
        BOOSTED.estimate(*boosted, n=n, unit="patients", note=f"against {len(test)} real patients"),
        LINEAR.estimate(*_cross_fitted_auroc(linear, binary, labels, seed), n=n, unit="patients", note=BLIND),
    ]


def _features(binary: sparse.csr_matrix, vocabulary: Vocabulary, seed: int) -> NDArray[np.float32]:
    """Codes, SVD scores, number of codes by system and whole: (n, <= 300 + 50 + systems + 1)."""
    systems = list(dict.fromkeys(vocabulary.system))
    member = np.asarray([[system == s for s in systems] for system in vocabulary.system], dtype=np.float32)
    present = np.bincount(binary.indices, minlength=binary.shape[1])
    common = np.sort(np.argsort(-present, kind="stable")[:COMMONEST])
    svd = TruncatedSVD(min(COMPONENTS, binary.shape[1]), random_state=seed)
    by_system = np.asarray(binary @ member)
    parts = [binary[:, common].toarray(), svd.fit_transform(binary), by_system, by_system.sum(axis=1, keepdims=True)]
    return np.hstack(parts).astype(np.float32)


def _cross_fitted_auroc(
    model: Classifier, features: Features, labels: NDArray[np.bool_], seed: int
) -> tuple[float, float]:
    """Mean AUROC over the folds and its standard error."""
    areas, variances = [], []
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fitted, held_out in folds.split(np.zeros(len(labels)), labels):
        model.fit(features[fitted], labels[fitted])
        scores = model.decision_function(features[held_out])
        areas.append(float(auroc(scores[:, None], labels[held_out][:, None])[0]))
        variances.append(auroc_variance(scores, labels[held_out]))
    return float(np.mean(areas)), float(np.sqrt(np.sum(variances)) / FOLDS)
