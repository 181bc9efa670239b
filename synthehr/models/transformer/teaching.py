"""Teaching: a network learns what networks that have not seen a patient expect of him, not the patient himself.

Self-distillation from an ensemble split over the patients (Split-AI and SELENA, Tang et al. 2022, arXiv:2110.08324),
for a generative model: every patient belongs to one fold; a teacher learns from all folds but one; at each token of a
patient the teacher that left his fold out says how likely each token is, and the student is fitted to that. What many
patients have in common gets through; what one patient alone has does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthehr.models.transformer.likelihood import Asked, asked, autocast, hidden_of
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Ints, Layout, Sequences

AT_ONCE = 1_000  # patients


def folds_of(n: int, teachers: int, seed: int) -> Ints:
    """(n,) the fold of each patient, 0 to teachers - 1, as even as can be."""
    return np.random.default_rng([seed, 12]).permutation(n) % teachers


@dataclass(frozen=True)
class Lessons:
    """What the teachers say of the patients they did not see.

    teachers: in eval mode, the k-th without fold k. fold: (n_places,) that of the patient of each token. hidden:
    (n_places, width) bfloat16, the hidden states of the teacher without that fold.
    """

    teachers: tuple[Network, ...]
    fold: Ints
    hidden: Tensor

    @staticmethod
    @torch.no_grad()
    def of(teachers: tuple[Network, ...], sequences: Sequences, fold: Ints) -> "Lessons":
        """Let each teacher look at its fold, (n_patients,), once."""
        first = teachers[0]
        hidden = torch.empty(len(sequences.token), first.size.width, dtype=torch.bfloat16, device=first.bias.device)
        for k, teacher in enumerate(teachers):
            teacher.eval()
            for rows in sequences.batches(AT_ONCE, None, np.flatnonzero(fold == k)):
                with autocast(teacher):
                    found, place = hidden_of(teacher, sequences, rows)
                hidden[torch.from_numpy(place).to(hidden.device)] = found.to(hidden.dtype)
        return Lessons(teachers, np.repeat(fold, np.diff(sequences.indptr)), hidden)

    def loss(self, network: Network, layout: Layout, sequences: Sequences, rows: Ints) -> Tensor:
        """Cross-entropy of the network against its teachers, a scalar sum in nats over these patients."""
        hidden, place = hidden_of(network, sequences, rows)
        order = np.argsort(self.fold[place], kind="stable")  # tokens of one teacher stand together
        hidden, place = hidden[torch.from_numpy(order).to(hidden.device)], place[order]
        losses = [
            (
                torch.logsumexp(part.logits, dim=1) - (said * part.logits.masked_fill(part.barred(), 0.0)).sum(dim=1)
            ).sum()
            for part, said in self._said(network, layout, sequences, hidden, place)
        ]
        return torch.stack(losses).sum()

    def _said(
        self, network: Network, layout: Layout, sequences: Sequences, hidden: Tensor, place: Ints
    ) -> Iterator[tuple[Asked, Tensor]]:
        """What is asked of the student, and the probabilities (n, tokens of the block) that teachers give."""
        for part in asked(network, layout, sequences, hidden, place):
            stop = part.start + part.logits.shape[1]
            with torch.no_grad():
                logits = [teacher.logits(known, part.start, stop) for teacher, known, _ in self._known(part.place)]
                barred = part.barred()
                said = torch.softmax(torch.cat(logits).float().masked_fill_(barred, -torch.inf), dim=1)
            yield part, said

    @torch.no_grad()
    def _said_levels(self, sequences: Sequences, place: Ints) -> Tensor:
        """The probabilities (n, n_levels) that teachers give the levels of these codes."""
        token = torch.from_numpy(sequences.token[place]).to(self.hidden.device)
        logits = [teacher.level_logits(known, token[own]) for teacher, known, own in self._known(place)]
        return torch.softmax(torch.cat(logits), dim=1)

    def _known(self, place: Ints) -> Iterator[tuple[Network, Tensor, slice]]:
        """For each teacher his hidden states at those of the places, in the order of folds, that are his."""
        bounds = np.searchsorted(self.fold[place], np.arange(len(self.teachers) + 1))
        known = self.hidden[torch.from_numpy(place).to(self.hidden.device)]
        for teacher, low, high in zip(self.teachers, bounds[:-1], bounds[1:], strict=True):
            yield teacher, known[low:high].to(teacher.bias.dtype), slice(int(low), int(high))
