"""What is believed of the embeddings of codes before a patient is seen: rare codes are like others of their family."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthehr.cohort.families import families
from synthehr.models.transformer.sequences import Layout, Sequences


@dataclass(frozen=True)
class Prior:
    """A Gaussian prior: the embedding of a token is a part of its own, plus one of each of its families.

    All parts are independent, with mean 0 and precision P^2 / n in each number, where n is the number of patients who
    have the token, or one of the family. What n patients say of a part has a precision in proportion to n, so about
    n^2 / (n^2 + P^2) of it is kept: codes of many more than P patients are left alone, and what is learned of those of
    far fewer is what their family has in common. Held-out patients alone would ask for the same precision for all, and
    a smaller one: this is for the few who have a rare code.

    Weight decay does not stand for it: decoupled (Loshchilov and Hutter 2019, arXiv:1711.05101), it takes as large a
    share of the embedding of a code of five patients as of one of five thousand.

    With Z, (n_tokens, n_families), saying who is in which, T and F the diagonal precisions of tokens and families, the
    covariance is 1/T + Z 1/F Z', and its inverse, by Woodbury's identity, T - T Z inverse(F + Z' T Z) Z' T.

    precision: (n_tokens,) T. family: (n_tokens, depth) numbers of families, n_families for none. inner: (n_families,
    n_families) the inverse in the middle. start: precision of the token that stands before the first.
    """

    precision: Tensor
    family: Tensor
    inner: Tensor
    start: float

    @staticmethod
    def of(layout: Layout, train: Sequences, patients: float) -> "Prior":
        """That of the tokens of a layout; groups and sizes are in no family. patients: P, more than 0."""
        of_column = families(layout.vocabulary)
        family = np.where((layout.column >= 0)[:, None], of_column[layout.column], -1)
        n = int(of_column.max(initial=-1)) + 1
        family[family < 0] = n
        member = np.zeros((layout.n_tokens, n + 1))
        member[np.arange(layout.n_tokens)[:, None], family] = 1.0
        member = member[:, :n]
        seen = np.maximum(np.bincount(train.token, minlength=layout.n_tokens), 1.0)
        own, shared = patients**2 / seen, patients**2 / np.minimum(seen @ member, len(train))
        inner = np.linalg.inv(np.diag(shared) + member.T @ (own[:, None] * member))
        start = patients**2 / len(train)
        return Prior(torch.from_numpy(own).float(), torch.from_numpy(family), torch.from_numpy(inner).float(), start)

    def to(self, device: torch.device) -> "Prior":
        """The same on a device."""
        return Prior(self.precision.to(device), self.family.to(device), self.inner.to(device), self.start)

    def nats(self, embedding: Tensor) -> Tensor:
        """Negative log density up to a constant, a scalar, of embeddings (n_tokens + 1, width), the start's last."""
        weighed = self.precision[:, None] * embedding[:-1]
        shared = torch.zeros(len(self.inner) + 1, embedding.shape[1], device=embedding.device)
        for numbers in self.family.T:
            shared = shared.index_add(0, numbers, weighed)
        shared = shared[:-1]
        quadratic = (weighed * embedding[:-1]).sum() - (shared * (self.inner @ shared)).sum()
        return 0.5 * (quadratic + self.start * embedding[-1].square().sum())
