import numpy as np
import pytest
from scipy import sparse

from privacy.engines import bits
from privacy.engines.bits import packed


@pytest.mark.parametrize("n_codes", [1, 8, 255, 256, 257, 920])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.float32])
def test_packed_is_what_packbits_gives_in_whole_words(
    n_codes: int, dtype: type[np.generic], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = np.random.default_rng(n_codes).random((30, n_codes)) < 0.2
    monkeypatch.setattr(bits, "PACK_ROWS", 7)
    found = packed(sparse.csr_matrix(records.astype(dtype)))
    expected = np.packbits(records, axis=1)
    assert found.shape == (30, -(-n_codes // 256) * 32)
    np.testing.assert_array_equal(found[:, : expected.shape[1]], expected)
    assert not found[:, expected.shape[1] :].any()


def test_a_slice_of_rows_packs_as_the_rows_do() -> None:
    records = sparse.csr_matrix((np.random.default_rng(0).random((20, 40)) < 0.3).astype(np.uint8))
    np.testing.assert_array_equal(packed(records[5:9]), packed(records)[5:9])
    assert packed(records[:0]).shape == (0, 32)
