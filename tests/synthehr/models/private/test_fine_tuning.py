"""The private transformer's gradients: a patient's own, whatever batch, part and padding he is in."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import sparse

from privacy.curator import Curator
from privacy.gradients.reference import OpacusGradients
from privacy.ledger import Ledger
from privacy.sampling import PoissonSampling
from synthehr.cohort.matrix import CodeMatrix
from synthehr.models.private import fine_tuning
from synthehr.models.private.fine_tuning import FineTuning, RecordLikelihood
from synthehr.models.private.transformer import PrivateTransformerOptions
from synthehr.models.transformer.learning import network_of
from synthehr.models.transformer.likelihood import loss_of, nats, start_at_marginals
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Layout

CLIP = 0.7
Asking = Callable[..., tuple[Curator, Ledger]]
Gradient = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def layout(train: CodeMatrix) -> Layout:
    return Layout.of(train)


def network(layout: Layout) -> Network:
    torch.manual_seed(3)
    made = network_of(layout, PrivateTransformerOptions(width=8, heads=2, layers=2).teaching())
    with torch.no_grad():  # LayerNorm starts at ones and zeros, where some faults would not show
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def some(train: CodeMatrix) -> sparse.csr_matrix:
    """Sixteen patients, with a column more than the vocabulary has, as a curator's rows have."""
    sizes = np.diff(train.counts.indptr)
    chosen = np.concatenate([np.argsort(-sizes, kind="stable")[:8], np.arange(8)])  # long records and others
    return sparse.hstack([train.counts[chosen].astype(float), np.ones((16, 1))], format="csr")


def by_opacus(layout: Layout, rows: sparse.csr_matrix) -> Gradient:
    net = network(layout)
    likelihood = RecordLikelihood(net, layout)
    gradients = OpacusGradients(net)
    total: Gradient = {}
    for shown, losses in likelihood.parts(rows):
        given = losses(gradients(*shown))
        found = gradients.clipped_sum(given, private=len(given), clip=CLIP).gradients
        total = {name: total.get(name, 0) + value for name, value in found.items()}
    return total


def one_by_one(layout: Layout, rows: sparse.csr_matrix) -> Gradient:
    """Each patient alone through the likelihood that the transformer is trained by elsewhere, and plain autograd."""
    net = network(layout)
    RecordLikelihood(net, layout)
    trained = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    total = {name: torch.zeros_like(parameter) for name, parameter in trained.items()}
    for k in range(rows.shape[0]):
        counts = rows[k, : len(layout.vocabulary)]
        alone = layout.encode(CodeMatrix(counts, np.array([k]), layout.vocabulary))
        found = torch.autograd.grad(loss_of(net, layout, alone, np.array([0])), list(trained.values()))
        norm = torch.stack([part.norm() for part in found]).norm()
        for name, part in zip(trained, found, strict=True):
            total[name] += part * min(1.0, CLIP / norm.item())
    return total


def distance(a: Gradient, b: Gradient) -> float:
    assert a.keys() == b.keys()
    return float(torch.stack([(a[name] - b[name]).norm() for name in a]).norm())


def test_clipped_sums_of_opacus_are_those_of_each_patient_alone(layout: Layout, train: CodeMatrix) -> None:
    rows = some(train)
    assert distance(by_opacus(layout, rows), one_by_one(layout, rows)) < 1e-5 * CLIP * rows.shape[0]


def test_how_patients_are_put_into_parts_changes_nothing(
    layout: Layout, train: CodeMatrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = some(train)
    whole = by_opacus(layout, rows)
    monkeypatch.setattr(fine_tuning, "PART_TOKENS", 40)
    assert len(list(RecordLikelihood(network(layout), layout).parts(rows))) > 3
    assert distance(whole, by_opacus(layout, rows)) < 1e-5 * CLIP * rows.shape[0]


def test_one_patient_moves_the_sum_by_the_clip_at_most_and_no_other_patients_part(
    layout: Layout, train: CodeMatrix
) -> None:
    rows = some(train)
    whole = by_opacus(layout, rows)
    for gone in (0, 9):
        left = [k for k in range(rows.shape[0]) if k != gone]
        without, alone = by_opacus(layout, rows[left]), by_opacus(layout, rows[[gone]])
        moved = {name: whole[name] - without[name] for name in whole}
        assert distance(moved, {name: torch.zeros_like(part) for name, part in moved.items()}) <= CLIP * 1.0001
        assert distance(moved, alone) < 1e-4


def test_embeddings_of_codes_and_their_bias_are_not_trained(layout: Layout) -> None:
    net = network(layout)
    RecordLikelihood(net, layout)
    frozen = {name for name, parameter in net.named_parameters() if not parameter.requires_grad}
    assert frozen == {"token.weight", "bias"}


def learned(layout: Layout, train: CodeMatrix, asking: Asking, noise: float) -> float:
    """How much nearer, in nats, steps at this noise bring a network that knows only how common codes are."""
    net, encoded = network(layout), layout.encode(train)
    start_at_marginals(net, encoded)
    before = nats(net, layout, encoded)
    sampling = PoissonSampling(probability=0.1, expected_batch=600.0, steps=30)
    asked = asking(None)[0].likelihood(
        "a test", RecordLikelihood(net, layout), sampling=sampling, clip=1.0, noise_multiplier=noise
    )
    net.load_state_dict(FineTuning(steps=30, learning_rate=1e-2, ema=0.9).run(net, asked))
    return before - nats(net, layout, encoded)


def test_steps_bring_the_network_nearer_to_patients_and_noise_alone_does_not(
    layout: Layout, train: CodeMatrix, asking: Asking
) -> None:
    assert learned(layout, train, asking, 1e-3) > 0.2
    assert learned(layout, train, asking, 1e3) < 0.05
