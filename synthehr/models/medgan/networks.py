"""medGAN's four networks, as the paper draws them (figure 1, section 2; sizes of section 3.1).

d: codes; h: embedding (128); z: noise (128).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthehr.models.medgan.columns import Columns


class Encoder(nn.Module):
    """Records (rows, d) to embeddings (rows, h): one linear layer, tanh for binary records, ReLU for counts."""

    def __init__(self, d: int, embedding_dim: int, *, binary: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(d, embedding_dim)
        self.binary = binary

    def forward(self, records: Tensor) -> Tensor:
        """Embed a batch."""
        hidden: Tensor = self.linear(records)
        return torch.tanh(hidden) if self.binary else torch.relu(hidden)


class Decoder(nn.Module):
    """Embeddings (rows, h) to records (rows, d): one linear layer.

    Free codes get a sigmoid (binary) or ReLU (count); each exclusive group a softmax, which the paper does not have:
    a sigmoid for each sex lets a patient have two.
    """

    def __init__(self, embedding_dim: int, columns: Columns, *, binary: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding_dim, len(columns.order))
        self.columns, self.binary = columns, binary

    def forward(self, embedding: Tensor) -> Tensor:
        """Activated records in the inner column order."""
        free, *groups = self.columns.split(self.linear(embedding))
        activated = torch.sigmoid(free) if self.binary else torch.relu(free)
        return torch.cat([activated, *(torch.softmax(group, dim=1) for group in groups)], dim=1)

    def scores(self, embedding: Tensor) -> Tensor:
        """What is cut into codes: linear outputs, groups as log-probabilities."""
        free, *groups = self.columns.split(self.linear(embedding))
        return torch.cat([free, *(functional.log_softmax(group, dim=1) for group in groups)], dim=1)

    def reconstruction_loss(self, embedding: Tensor, records: Tensor) -> Tensor:
        """Equation 1 (mean squared error, counts) or 2 (cross-entropy, binary), summed over codes, mean over rows."""
        free, *groups = self.columns.split(self.linear(embedding))
        real, *real_groups = self.columns.split(records)
        if self.binary:
            loss = functional.binary_cross_entropy_with_logits(free, real, reduction="sum")
        else:
            loss = functional.mse_loss(torch.relu(free), real, reduction="sum")
        for group, target in zip(groups, real_groups, strict=True):
            loss = loss - (target * functional.log_softmax(group, dim=1)).sum()
        return loss / len(records)


class ShortcutGenerator(nn.Module):
    """Noise (rows, z) to embeddings (rows, h): x <- activation(BN(W x)) + x, one a layer (section 2.5).

    ReLU in all layers but the last, which has the encoder's activation. z = h, since the shortcut is an identity.
    """

    def __init__(self, dims: tuple[int, ...], *, binary: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(dims))
        # momentum 0.01 is the original's decay of 0.99
        self.norms = nn.ModuleList(nn.BatchNorm1d(b, momentum=0.01) for b in dims[1:])
        self.binary = binary

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise to embeddings."""
        x = noise
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            hidden = norm(layer(x))
            last = k == len(self.layers) - 1
            x = x + (torch.tanh(hidden) if last and self.binary else torch.relu(hidden))
        return x


class Discriminator(nn.Module):
    """Records (rows, d) to a logit (rows,), with minibatch averaging (section 2.4): it sees [x, batch mean].

    The first layer is kept as two matrices, W [x, m] = W_x x + W_m m: the average meets W_m once a batch, not once a
    row, which is the same sum at half the arithmetic.
    """

    def __init__(self, d: int, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.of_record = nn.Linear(d, dims[0])
        self.of_average = nn.Linear(d, dims[0], bias=False)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(dims))
        self.out = nn.Linear(dims[-1], 1)

    def forward(self, records: Tensor) -> Tensor:
        """Logit that each record is real."""
        average = records.mean(dim=0, keepdim=True)
        x = torch.relu(self.of_record(records) + self.of_average(average))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        logit: Tensor = self.out(x)
        return logit.squeeze(1)
