"""What may be asked of the transformer."""

from dataclasses import dataclass

from synthehr.errors import BadRequest
from synthehr.models.options import check_at_least_one
from synthehr.models.transformer.network import Size

AT_LEAST_ONE = ("epochs", "width", "layers", "heads", "pool")


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """Options of the transformer.

    data: "binary" or "count". epochs: passes over the training patients; the learning rate falls to a fiftieth over all
    of them. minutes: a wall-clock budget that ends passes early, or None. batch_size: patients, or None for about a
    hundredth of them. width, layers, heads, dropout, hidden: of the network, see `Size`. learning_rate, weight_decay:
    of AdamW. prior: patients; a code of fewer is learned as its family is, see `Prior`, 0 for none. ema: decay of the
    average of the weights that is kept. pool: patients drawn for a round of calibration. rejection: whether draws are
    sifted, see `Rejection`.

    The network is small on purpose: seven times as many parameters brought held-out patients no nearer. Without the
    prior it knows by heart who has which rare codes (benchmarks/README.md).
    """

    data: str = "binary"
    epochs: int = 16
    minutes: float | None = None
    batch_size: int | None = None
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.15
    hidden: float = 0.1
    learning_rate: float = 4e-3
    weight_decay: float = 0.3
    prior: float = 300.0
    ema: float = 0.998
    pool: int = 16_384
    rejection: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        check_at_least_one(self, AT_LEAST_ONE if self.batch_size is None else (*AT_LEAST_ONE, "batch_size"))
        if self.prior < 0:
            raise BadRequest(f"The 'prior' option must be 0 or more. Got {self.prior!r} instead.")
        if self.width % self.heads:
            raise BadRequest(f"'width' must be a multiple of 'heads'. Got {self.width} and {self.heads} instead.")
        if self.data not in ("binary", "count"):
            raise BadRequest(f"The 'data' option must be 'binary' or 'count'. Got {self.data!r} instead.")
        for name in ("dropout", "hidden"):
            if not 0 <= getattr(self, name) < 1:
                raise BadRequest(f"The {name!r} option must be in [0, 1). Got {getattr(self, name)!r} instead.")

    def size(self) -> Size:
        """The part that decides the network."""
        return Size(width=self.width, layers=self.layers, heads=self.heads, dropout=self.dropout, hidden=self.hidden)
