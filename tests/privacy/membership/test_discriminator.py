import numpy as np
import pytest
from scipy import sparse

from privacy.membership.discriminator import discriminator
from privacy.ranks import Targets, auc


def test_a_critic_that_knows_patients_by_heart_is_caught_and_one_that_does_not_is_not(new_world) -> None:
    world = new_world(0)
    known = {row.tobytes() for row in world.members}
    sides = [sparse.csr_matrix(side) for side in (world.members, world.nonmembers)]
    reference = sparse.csr_matrix(world.reference)
    by_heart = lambda records: np.array([row.tobytes() in known for row in records.toarray()], dtype=float)  # noqa: E731
    by_size = lambda records: np.diff(records.indptr).astype(float)  # noqa: E731
    nothing = sparse.csr_matrix((2, world.members.shape[1]))
    leak, none = (
        auc(Targets(*(discriminator(side, reference, critic)(nothing) for side in sides)))
        for critic in (by_heart, by_size)
    )
    assert leak.low > 0.6
    assert none.low < 0.5 < none.high


@pytest.mark.parametrize("logits", [np.zeros(3), np.full(2, np.nan)])
def test_a_critic_that_does_not_answer_is_refused(logits: np.ndarray) -> None:
    records = sparse.csr_matrix(np.eye(2, dtype=np.uint8))
    with pytest.raises(ValueError, match="2 finite logits"):
        discriminator(records, records, lambda _: logits)
