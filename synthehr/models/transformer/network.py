"""The network: a causal transformer whose output layer is its embedding, started at the marginals."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

LEFT = 64  # so many numbers of codes to come have an embedding of their own; more share the last


@dataclass(frozen=True, kw_only=True)
class Size:
    """width: of the residual stream. layers, heads: of the transformer.

    dropout: share of activations that are zeroed in training; hidden: share of the tokens that are not seen in it.
    """

    width: int
    layers: int
    heads: int
    dropout: float
    hidden: float = 0.0


class Layer(nn.Module):
    """Pre-norm attention and a feed-forward net of four times the width."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads, self.dropout = size.heads, size.dropout
        self.norm_attention, self.norm_forward = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.mixed, self.out = nn.Linear(size.width, 3 * size.width), nn.Linear(size.width, size.width)
        self.up, self.down = nn.Linear(size.width, 4 * size.width), nn.Linear(4 * size.width, size.width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, width), each position from itself and those before it."""
        query, key, value = self._split(x)
        length = x.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        return self._rest(x, _attention(query, key, value, later))

    def step(self, x: Tensor, keys: Tensor, values: Tensor, at: int) -> Tensor:
        """One position (batch, 1, width); keys and values (batch, heads, length, width / heads) are filled at `at`."""
        query, key, value = self._split(x)
        keys[:, :, at : at + 1], values[:, :, at : at + 1] = key, value
        return self._rest(x, _attention(query, keys[:, :, : at + 1], values[:, :, : at + 1], None))

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, width = x.shape
        mixed = self.mixed(self.norm_attention(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def _rest(self, x: Tensor, mixed: Tensor) -> Tensor:
        batch, heads, length, width = mixed.shape
        x = x + self._drop(self.out(mixed.transpose(1, 2).reshape(batch, length, heads * width)))
        return x + self._drop(self.down(functional.gelu(self.up(self.norm_forward(x)))))

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def _attention(query: Tensor, key: Tensor, value: Tensor, barred: Tensor | None) -> Tensor:
    """Written out: over a dozen tokens torch's fused attention took several times as long on a CPU."""
    scores = (query @ key.transpose(2, 3)).float() * key.shape[3] ** -0.5
    if barred is not None:
        scores = scores.masked_fill_(barred, -torch.inf)
    mixed: Tensor = scores.softmax(dim=3).to(value.dtype) @ value
    return mixed


class Network(nn.Module):
    """Logits of the next token from the tokens before it, its block and the number of codes still to come.

    With more than one level, also logits of the level of that token's count: a level is seen with its token.
    """

    level_bias: Tensor

    def __init__(self, n_tokens: int, n_blocks: int, size: Size, n_levels: int = 1) -> None:
        super().__init__()
        self.size, self.n_levels = size, n_levels
        self.token = nn.Embedding(n_tokens + 1, size.width)  # the last one stands before the first
        self.block, self.left = nn.Embedding(n_blocks, size.width), nn.Embedding(LEFT, size.width)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        self.bias = nn.Parameter(torch.zeros(n_tokens))
        if n_levels > 1:
            self.level, self.ask = nn.Embedding(n_levels, size.width), nn.Linear(size.width, size.width)
            self.answer = nn.Linear(size.width, n_levels)
            # not learned: of most codes there are too few counts to learn from
            self.register_buffer("level_bias", torch.zeros(n_tokens, n_levels))
            nn.init.normal_(self.level.weight, std=0.02)
            nn.init.zeros_(self.answer.weight)
        for table in (self.token, self.block, self.left):
            nn.init.normal_(table.weight, std=0.02)
        for layer in self.layers:
            for narrowed in (layer.out, layer.down):
                nn.init.normal_(narrowed.weight, std=0.02 / (2 * size.layers) ** 0.5)  # type: ignore[union-attr, arg-type]

    @property
    def start(self) -> int:
        """The token that stands before the first."""
        return self.token.num_embeddings - 1

    def embed(self, before: Tensor, block: Tensor, left: Tensor, level: Tensor) -> Tensor:
        """What goes in where the token after `before`, of that level, is asked for."""
        token: Tensor = self.token(before)
        if self.n_levels > 1:
            token = token + self.level(level)
        if self.training and self.size.hidden:
            # whole tokens, not numbers: what is learned of a patient's codes must not hang on all of them together
            kept = torch.rand(*before.shape, 1, device=token.device) >= self.size.hidden
            token = token * kept / (1 - self.size.hidden)
        shown: Tensor = token + self.block(block) + self.left(left.clamp(max=LEFT - 1))
        return shown

    def forward(self, before: Tensor, block: Tensor, left: Tensor, level: Tensor) -> Tensor:
        """Hidden states (batch, length, width) from (batch, length) of each."""
        x = functional.dropout(self.embed(before, block, left, level), self.size.dropout, self.training)
        for layer in self.layers:
            x = layer(x)
        hidden: Tensor = self.norm(x)
        return hidden

    def logits(self, hidden: Tensor, start: int, stop: int) -> Tensor:
        """Logits of the tokens `start` to `stop` - 1, (..., stop - start)."""
        return functional.linear(hidden, self.token.weight[start:stop], self.bias[start:stop])

    def level_logits(self, hidden: Tensor, token: Tensor) -> Tensor:
        """Logits (n, n_levels) of the level of tokens (n,) that were drawn from hidden states (n, width)."""
        asked = functional.gelu(self.ask(hidden + self.token(token)))
        logits: Tensor = self.answer(asked).float() + self.level_bias[token]
        return logits
