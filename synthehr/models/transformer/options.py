"""What may be asked of the transformer."""

from dataclasses import dataclass

from synthehr.errors import BadRequest
from synthehr.models.options import check_at_least_one
from synthehr.models.transformer.network import Size

AT_LEAST_ONE = ("epochs", "batch_size", "width", "layers", "heads", "pool")


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """Options of the transformer.

    epochs: passes over the training patients; the learning rate falls to a fiftieth over all of them. minutes: a
    wall-clock budget that ends them early, or None. batch_size: patients. width, layers, heads, dropout, hidden: of the
    network, see `Size`. learning_rate, weight_decay: of AdamW. ema: decay of the average of the weights that is kept.
    pool: patients drawn for a round of calibration. rejection: whether draws are sifted, see `Rejection`.

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
    rejection: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        check_at_least_one(self, AT_LEAST_ONE)
        if self.width % self.heads:
            raise BadRequest(f"'width' must be a multiple of 'heads'. Got {self.width} and {self.heads} instead.")
        for name in ("dropout", "hidden"):
            if not 0 <= getattr(self, name) < 1:
                raise BadRequest(f"The {name!r} option must be in [0, 1). Got {getattr(self, name)!r} instead.")

    def size(self) -> Size:
        """The part that decides the network."""
        return Size(width=self.width, layers=self.layers, heads=self.heads, dropout=self.dropout, hidden=self.hidden)
