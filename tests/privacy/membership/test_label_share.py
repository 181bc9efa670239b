from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.membership.label_share import label_share
from privacy.ranks import Targets, auc

SEED = np.random.SeedSequence


def test_ties_count_by_their_share_and_not_by_their_order() -> None:
    target = sparse.csr_matrix([[1, 0]])
    same, other = [1, 0], [0, 1]
    # nearest of release and reference: one and two identical records; of the two nearest, 2 x 1/3 are the release's
    score = label_share(target, sparse.csr_matrix([same, same, other]), k=2, seed=SEED(0))
    assert score(sparse.csr_matrix([same, other, other]))[0] == pytest.approx(1 / 3)
    # one identical record in the release alone, then a tie of five: 1 + 1 x 2/5 of two
    score = label_share(target, sparse.csr_matrix([other] * 3), k=2, seed=SEED(0))
    assert score(sparse.csr_matrix([same, other, other]))[0] == pytest.approx((1 + 2 / 5) / 2)


def test_copies_are_seen_and_no_leak_is_not(new_world: Callable) -> None:
    world = new_world(0)
    sides = [sparse.csr_matrix(side) for side in (world.members, world.nonmembers)]
    found = {}
    for name, release in (("copy", world.redrawn(0.3)), ("no leak", world.no_leak())):
        scores = [
            label_share(side, sparse.csr_matrix(world.reference), seed=SEED(0))(sparse.csr_matrix(release))
            for side in sides
        ]
        found[name] = auc(Targets(*scores))
    assert found["copy"].low > 0.55
    assert found["no leak"].low < 0.5 < found["no leak"].high


def test_no_neighbour_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        label_share(sparse.csr_matrix((2, 2)), sparse.csr_matrix((2, 2)), k=0, seed=SEED(0))
