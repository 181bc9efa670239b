"""Randomness that protects patients: keyed by a secret, cryptographic, and never the same twice.

Whoever can guess the noise can subtract it, so it must not come from a seed that a manifest records, nor from a
generator whose state can be worked out from its output (numpy's and torch's can). Here it is the key stream of
ChaCha20 (RFC 8439) under a 256-bit key that is drawn from the operating system, lies on disk for its owner alone
while the run is unfinished, and is overwritten and removed with it.

What floating point leaves open: a Gaussian in double precision misses values of the real line, and which ones it misses
depends on the secret sum (Mironov 2012, doi 10.1145/2382196.2382264; Jin et al. 2022, arXiv 2112.05307, who attack Box
and Muller's sampler among others); and rounding lets a sum move by a little more than its sensitivity. The proofs of
`privacy.mechanisms` are those of the real line; the statement of a release declares it.
"""

import hashlib
import math
import os
from typing import NoReturn

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray
from scipy import special

KEY_BYTES = 32
PAIRS = 1 << 15  # made at a time: they stay in the cache, and are too few for torch to divide among threads
BLOCK = 1 << 20  # uniforms made at a time: bounds what a large draw needs beside its result


def new_key() -> bytes:
    """A fresh 256-bit key from the operating system."""
    return os.urandom(KEY_BYTES)


class NoiseSource:
    """Streams of random numbers under one secret key.

    key: 32 bytes. Each stream has a name, which gives it a key of its own (BLAKE2b, RFC 7693), so a run that is resumed
    answers the same question with the same noise, and no two questions share any. A name is handed out once: a second
    answer under the same noise would give both away.

    Raises:
        ValueError: a key of another length, or a name that was handed out before.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"The 'key' parameter of NoiseSource must have {KEY_BYTES} bytes. Got {len(key)} instead.")
        self._key, self._given = key, set[str]()

    def __reduce__(self) -> NoReturn:
        raise TypeError("A NoiseSource is not copied: a copy would hand the same noise out again.")

    def stream(self, name: str, bound: bytes = b"") -> "Stream":
        """The stream of this name, from its beginning.

        bound: whatever else the question depends on. Asked again after an interruption with anything changed, it gets
        other noise: two answers under the same would tell their difference.
        """
        if name in self._given:
            raise ValueError(f"The noise of {name!r} was used already; each question needs noise of its own.")
        self._given.add(name)
        asked = hashlib.sha256(bound).digest() + name.encode()
        return Stream(hashlib.blake2b(asked, key=self._key, digest_size=KEY_BYTES).digest())


class Stream:
    """The key stream of ChaCha20 under `key`, read as numbers."""

    def __init__(self, key: bytes) -> None:
        # counter and nonce are zero: the key is used for this stream alone
        self._cipher = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()

    def words(self, n: int) -> NDArray[np.uint64]:
        """(n,) uint64, each of the 2^64 values with the same probability."""
        return np.frombuffer(self._cipher.update(bytes(8 * n)), dtype="<u8")

    def uniform(self, n: int) -> NDArray[np.float64]:
        """(n,) float64 in [0, 1), multiples of 2^-53."""
        return np.asarray((self.words(n) >> np.uint64(11)) * 2.0**-53)

    def normal(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Standard normal float64: a random sign, and the quantile of 63 random bits, so both tails are as fine."""
        n = int(np.prod(shape))
        drawn = np.empty(n)
        for start in range(0, n, BLOCK):
            words = self.words(min(BLOCK, n - start))
            half = ((words >> np.uint64(1)).astype(np.float64) + 0.5) * 2.0**-64  # in (0, 1/2]: the lower tail
            drawn[start : start + len(words)] = np.where(words & np.uint64(1), 1.0, -1.0) * special.ndtri(half)
        return drawn.reshape(shape)

    def box_muller(self, n: int) -> NDArray[np.float64]:
        """(n,) standard normal float64 in a fifth of the time of `normal` (Box and Muller 1958).

        Two words make two numbers: a radius from 63 bits, which reaches 9.4 standard deviations and is right in the
        tail to its end, and an angle from 52.
        """
        import torch  # numpy has no fast sine of doubles; a second to import, and counts never need it

        drawn = torch.empty(n, dtype=torch.float64)
        for start in range(0, n, 2 * PAIRS):
            size = min(2 * PAIRS, n - start)
            pairs = (size + 1) // 2
            stream = bytearray(16 * pairs)
            self._cipher.update_into(stream, stream)
            words = torch.frombuffer(stream, dtype=torch.int64)
            uniform = words[:pairs].bitwise_and_(2**63 - 1).to(torch.float64).add_(0.5).mul_(2.0**-63)
            radius = uniform.log_().mul_(-2.0).sqrt_()
            # 52 bits under the exponent of 1: doubles in [1, 2) without a conversion, and so full turns and a part
            angle = words[pairs:].bitwise_and_(2**52 - 1).bitwise_or_(1023 << 52).view(torch.float64).mul_(math.tau)
            torch.cos(angle, out=drawn[start : start + pairs]).mul_(radius)
            rest = size - pairs
            torch.sin(angle[:rest], out=drawn[start + pairs : start + size]).mul_(radius[:rest])
        return drawn.numpy()
