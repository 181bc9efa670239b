"""What may be asked of the transformer."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from synthehr.errors import BadRequest
from synthehr.models.transformer.network import Size

AT_LEAST_ONE = ("epochs", "batch_size", "width", "layers", "heads", "pool")


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """Options of the transformer.

    epochs: passes over the training patients; the learning rate falls to a fiftieth over all of them. minutes: a
    wall-clock budget that ends them early, or None. batch_size: patients. width, layers, heads, dropout, hidden: of the
    network, see `Size`. learning_rate, weight_decay: of AdamW. ema: decay of the average of the weights that is kept.
    pool: patients drawn for a round of calibration.

    The network is small and the passes are few on purpose: seven times as many parameters brought held-out patients no
    nearer, and at twelve passes the adversary saw a trace of the training patients (benchmarks/README.md).
    """

    epochs: int = 7
    minutes: float | None = None
    batch_size: int = 512
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    hidden: float = 0.05
    learning_rate: float = 4e-3
    weight_decay: float = 0.3
    ema: float = 0.998
    pool: int = 16_384
    device: str = "auto"

    @staticmethod
    def of(name: str, asked: Mapping[str, Any]) -> "TransformerOptions":
        """Options from a mapping; raises BadRequest naming what `name` does not know."""
        known = {field.name for field in fields(TransformerOptions)}
        if unknown := sorted(set(asked) - known):
            raise BadRequest(f"{name} does not know the options {unknown}; it knows {sorted(known)}.")
        return TransformerOptions(**asked)

    def __post_init__(self) -> None:
        for name in AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise BadRequest(f"The {name!r} option must be 1 or more. Got {getattr(self, name)!r} instead.")
        if self.width % self.heads:
            raise BadRequest(f"'width' must be a multiple of 'heads'. Got {self.width} and {self.heads} instead.")
        for name in ("dropout", "hidden"):
            if not 0 <= getattr(self, name) < 1:
                raise BadRequest(f"The {name!r} option must be in [0, 1). Got {getattr(self, name)!r} instead.")

    def size(self) -> Size:
        """The part that decides the network."""
        return Size(width=self.width, layers=self.layers, heads=self.heads, dropout=self.dropout, hidden=self.hidden)
