"""Drawing discrete records from the generator's probabilities while it trains, with a straight-through gradient.

The discriminator then judges what will be released: zeros and ones, one member a group, and as many codes of each
system as the patient's size says.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthehr.models.medgan.columns import Columns
from synthehr.models.sizes import SizeHead

EDGE = 1e-6  # probabilities are held this far from 0 and 1 before their logit is taken


@dataclass(frozen=True)
class InnerHead:
    """A size head in the inner column order: codes (k,), members (s,), values (s,)."""

    codes: Tensor
    members: Tensor
    values: Tensor

    @staticmethod
    def of(head: SizeHead, columns: Columns, device: torch.device) -> "InnerHead":
        """Translate a head."""
        place = np.empty(len(columns.order), dtype=np.int64)
        place[columns.order] = np.arange(len(columns.order))
        parts = (place[head.codes], place[head.members], head.values)
        return InnerHead(*(torch.from_numpy(part).to(device) for part in parts))


def draw(
    records: Tensor, columns: Columns, heads: tuple[InnerHead, ...], *, scale: float, noise: torch.Generator
) -> Tensor:
    """Discrete records (rows, d) whose gradient is that of the probabilities `records` (Bengio et al. 2013).

    scale: of the logistic noise that decides; at 1 a code without a size head is drawn with its probability.
    """
    with torch.no_grad():
        free, *groups = columns.split(records)
        chance = free.clamp(EDGE, 1 - EDGE)
        uniform = torch.rand(free.shape, generator=noise, device=free.device).clamp(EDGE, 1 - EDGE)
        margin = torch.logit(chance) - scale * torch.logit(uniform)
        drawn = [(margin > 0).float()]
        for group in groups:
            member = torch.multinomial(group, 1, generator=noise)
            drawn.append(torch.zeros_like(group).scatter_(1, member, 1.0))
        discrete = torch.cat(drawn, dim=1)
        for head in heads:
            size = head.values[discrete[:, head.members].argmax(dim=1)]
            discrete[:, head.codes] = _largest(margin[:, head.codes], size)
    return discrete + records - records.detach()


def _largest(margin: Tensor, size: Tensor) -> Tensor:
    most = min(int(size.max()), margin.shape[1])
    mask = torch.zeros_like(margin)
    if most == 0:
        return mask
    top = torch.topk(margin, most, dim=1).indices
    wanted = (torch.arange(most, device=size.device) < size[:, None]).to(mask.dtype)
    return mask.scatter_(1, top, wanted)
