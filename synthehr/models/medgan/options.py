"""What may be asked of medGAN."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthehr.errors import BadRequest
from synthehr.models.medgan.game import Shape
from synthehr.models.options import check_at_least_one

CHOICES: Mapping[str, tuple[str, ...]] = {"data": ("binary", "count"), "start": ("autoencoder", "factors")}
AT_LEAST_ONE = ("epochs", "batch_size", "embedding_dim", "discriminator_steps", "judge_every", "pool")


@dataclass(frozen=True, kw_only=True)
class MedganOptions:
    """Options of medGAN; where the paper has a setting, the default is that.

    data: "binary" or "count". start: "autoencoder" pre-trains the decoder on records, as in the paper; "factors" makes
    the generator a factor model of the codes' tetrachoric correlations instead. epochs, pretrain_epochs: passes over
    the training patients (the original counts the two discriminator batches of a step as one pass: its 1,000 epochs
    are 2,000 of these). minutes: a wall-clock budget that ends either early, or None. batch_size: patients.
    drawn: whether the discriminator sees drawn records (straight-through gradient) or the decoder's activations, as in
    the paper. pair_weight: of the generator term that matches pairs of codes; 0 is the paper. ema: decay of the average
    of the generator that is kept. judge_every: passes between looks at held-out patients. sizes: whether the number of
    codes a system is learned as a group and met exactly. rules: whether codes that hardly ever come with a sex or age
    are never drawn with it. rejection: whether draws are sifted, see `Rejection`. noise: scale of the logistic noise on
    the scores before they are cut, or None to let held-out patients choose. pool: draws on which thresholds are
    calibrated.
    """

    data: str = "binary"
    start: str = "autoencoder"
    epochs: int = 2000
    pretrain_epochs: int = 100
    minutes: float | None = None
    batch_size: int = 1000
    embedding_dim: int = 128
    generator_layers: int = 2
    discriminator_dims: tuple[int, ...] = (256, 128)
    discriminator_steps: int = 2
    learning_rate: float = 1e-3
    l2: float = 1e-3
    drawn: bool = False
    pair_weight: float = 0.0
    ema: float = 0.999
    judge_every: int = 10
    sizes: bool = True
    rules: bool = True
    rejection: bool = True
    noise: float | None = None
    pool: int = 100_000
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise BadRequest(f"The {name!r} option must be one of {allowed}. Got {getattr(self, name)!r} instead.")
        check_at_least_one(self, AT_LEAST_ONE)
        if self.data == "count" and (self.drawn or self.pair_weight or self.start == "factors"):
            raise BadRequest(
                "Count data has the paper's terms only: 'drawn', 'pair_weight' and start 'factors' are of presence. "
                "Use data='binary', or the model medgan_paper for counts."
            )

    def shape(self) -> Shape:
        """The part that decides the networks and losses."""
        return Shape(
            embedding_dim=self.embedding_dim,
            generator_layers=self.generator_layers,
            discriminator_dims=tuple(self.discriminator_dims),
            learning_rate=self.learning_rate,
            l2=self.l2,
            binary=self.data == "binary",
            drawn=self.drawn,
            draw_noise=1.0 if self.noise is None else self.noise,
            pair_weight=self.pair_weight,
        )
