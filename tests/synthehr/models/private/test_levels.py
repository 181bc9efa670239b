import numpy as np
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.discretise import Cut, calibrate
from synthehr.models.marginals import Marginals
from synthehr.models.private.levels import Latent, cut_at_shares
from synthehr.models.sizes import SizeHead, extended_vocabulary, size_heads

D, SIZES = 60, np.array([1, 3, 6])


def asked() -> tuple[Marginals, tuple[SizeHead, ...]]:
    """Sixty codes of 30 % to 0.01 %, and one, three or six of them a record: 2.9 on average."""
    codes = tuple(f"ICD9CM/{100 + j}" for j in range(D))
    vocabulary = Vocabulary(codes, ("",) * D, (None,) * D)
    heads = size_heads(vocabulary, {"ICD9CM": SIZES})
    wide = extended_vocabulary(vocabulary, heads)
    share, sizes = np.geomspace(0.3, 1e-4, D), np.array([0.3, 0.5, 0.2])
    share *= float(sizes @ SIZES) / share.sum()
    return Marginals(wide, np.arange(len(wide) + 1), np.concatenate([share, sizes])), heads


def latent(n: int, seed: int, loading: float = 0.0) -> Latent:
    rng = np.random.default_rng(seed)
    loadings = np.full((D + 3, 1), loading, dtype=np.float32)
    loadings[::2] *= -1
    own = np.sqrt(1 - np.square(loadings).sum(axis=1)).astype(np.float32)
    common = rng.standard_normal((n, 1), dtype=np.float32) @ loadings.T
    scores = rng.standard_normal((n, D + 3), dtype=np.float32) * own + common
    members = rng.standard_normal((6 * n, 1), dtype=np.float32) @ loadings[D:].T
    members += rng.standard_normal((6 * n, 3), dtype=np.float32) * own[D:]
    return Latent(scores, common, own, {"size of ICD9CM": members})


def shares(cut: Cut, loading: float) -> np.ndarray:
    """What comes out of 400,000 fresh records."""
    counts = sum(cut.apply(latent(50_000, 10 + k, loading).scores).sum(axis=0) for k in range(8))
    return np.asarray(counts).ravel() / 400_000


@pytest.mark.parametrize("loading", [0.0, 0.6])
def test_codes_of_every_share_come_out_as_often_as_they_should(loading: float) -> None:
    marginals, heads = asked()
    found = shares(cut_at_shares(marginals, heads, latent(20_000, 1, loading)), loading)
    wanted = marginals.first()[:D]
    noise = np.sqrt(wanted / 400_000)
    assert (np.abs(found - wanted) < 0.06 * wanted + 4 * noise).all()


def test_levels_from_quantiles_of_draws_are_further_off_for_rare_codes() -> None:
    """The control: how the house's other generators are calibrated."""
    marginals, heads = asked()
    pool = latent(20_000, 1)
    wanted, rare = marginals.first()[:D], slice(D - 15, D)
    cuts = (cut_at_shares(marginals, heads, pool), calibrate(pool.scores, marginals, heads))
    off = [np.abs(np.log((shares(cut, 0.0) / wanted)[rare])).mean() for cut in cuts]
    assert off[0] < 0.4 * off[1]


def test_sizes_are_met_and_codes_that_nobody_has_are_never_drawn() -> None:
    marginals, heads = asked()
    tails = marginals.tails.copy()
    tails[5] = 0.0
    cut = cut_at_shares(Marginals(marginals.vocabulary, marginals.offsets, tails), heads, latent(20_000, 1))
    drawn = cut.apply(latent(50_000, 2).scores)
    sizes = np.bincount(np.diff(drawn.indptr), minlength=7) / 50_000
    assert sizes[SIZES] == pytest.approx([0.3, 0.5, 0.2], abs=0.012)
    assert drawn[:, 5].nnz == 0
