import numpy as np
import pytest

from synthehr.models.private.factors import latent_loadings, stands_out


def planted(d: int, strength: float, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    direction = np.ones(d) / np.sqrt(d)
    signal = strength * np.outer(direction, direction)
    above = np.triu(rng.standard_normal((d, d)), 1)
    return signal, signal + noise * (above + above.T)


def test_noise_alone_has_no_factor_and_a_planted_one_is_found() -> None:
    d, noise = 200, 1.0
    diagonal = np.eye(d, dtype=bool)
    assert stands_out(planted(d, 0.0, noise)[1], noise, diagonal)[1] == 0
    # the edge is at 2 sqrt(200) = 28: a factor of 60 stands out, one of 10 does not
    signal, noisy = planted(d, 60.0, noise)
    low, rank = stands_out(noisy, noise, diagonal)
    assert rank == 1
    assert np.linalg.norm(low - signal) < 0.5 * np.linalg.norm(np.where(diagonal, 0, noisy - signal))
    assert stands_out(planted(d, 10.0, noise)[1], noise, diagonal)[1] == 0


def test_what_is_missing_is_filled_in_by_the_factors() -> None:
    d = 60
    signal, noisy = planted(d, 60.0, 0.1)
    missing = np.eye(d, dtype=bool)
    missing[:3, :3] = True
    low, _ = stands_out(np.where(missing, 999.0, noisy), 0.1, missing)
    assert low[:3, :3] == pytest.approx(signal[:3, :3], abs=0.15)


def test_loadings_give_back_the_joint_shares_they_were_made_for() -> None:
    # latent factor of loading .7 on all: correlation .49; for shares of one half the joint share is
    # 1/4 + arcsin(.49) / (2 pi) (Sheppard 1899)
    d = 12
    share, r = np.full(d, 0.5), 0.49
    joint = np.full((d, d), 0.25 + np.arcsin(r) / (2 * np.pi))
    loadings = latent_loadings(share, joint, np.ones(d), 1, np.eye(d, dtype=bool))
    assert np.abs(loadings[:, 0]) == pytest.approx(np.full(d, 0.7), abs=0.01)
