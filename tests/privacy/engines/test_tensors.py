import numpy as np
import pytest
import torch
from scipy import sparse

from privacy.engines import product, tensors
from privacy.engines.tensors import chosen, exact_type, search


def records(seed: int, n: int, d: int, prevalence: float) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.random.default_rng(seed).random((n, d)) < prevalence).astype(np.uint8))


def test_half_precision_is_chosen_on_cuda_where_its_sums_are_exact() -> None:
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert exact_type(cuda, 2_048, weighted=False) == torch.float16
    assert exact_type(cuda, 2_049, weighted=False) == torch.float32
    assert exact_type(cuda, 4, weighted=True) == torch.float32
    assert exact_type(cpu, 4, weighted=False) == torch.float32


def test_half_precision_is_exact_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    # what a CUDA device computes in float16, here on the CPU: sums of up to 1,500 codes, and of either sign
    queries, base = records(0, 20, 2_000, 0.7), records(1, 60, 2_000, 0.4)
    expected = product.search(queries, base, 5, None, 1)
    monkeypatch.setattr(tensors, "exact_type", lambda where, codes, weighted: torch.float16)
    for found, other in zip(search(queries, base, 5, None, 1, "cpu"), expected, strict=True):
        np.testing.assert_array_equal(found, other)


def test_lower_precision_that_somebody_asked_torch_for_does_not_round_weights() -> None:
    queries, base = records(2, 30, 200, 0.2), records(3, 80, 200, 0.2)
    steps = np.random.default_rng(4).integers(0, 50_000, 200).astype(np.float32)
    expected = product.search(queries, base, 5, steps, 1)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = search(queries, base, 5, steps, 1, "auto")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    search(records(0, 5, 8, 0.3), records(1, 5, 8, 0.3), 1, None, before + 1, "cpu")
    assert torch.get_num_threads() == before


def test_a_dense_tile_is_bounded_for_any_number_of_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, base = records(5, 20, 100, 0.1), records(6, 50, 100, 0.1)
    expected = search(queries, base, 3, None, 1, "cpu")
    monkeypatch.setattr(tensors, "TILE_CELLS", 750)
    sizes = []
    dense = tensors._Records.dense

    def counted(self: tensors._Records, start: int, stop: int, number: torch.dtype) -> torch.Tensor:
        sizes.append((stop - start) * 100)
        return dense(self, start, stop, number)

    monkeypatch.setattr(tensors._Records, "dense", counted)
    found = search(queries, base, 3, None, 1, "cpu")
    assert max(sizes) <= 750
    np.testing.assert_array_equal(found[1], expected[1])


def test_a_device_that_is_not_there_is_refused() -> None:
    assert chosen("cpu").type == "cpu"
    if not torch.cuda.is_available():
        assert chosen("auto").type == "cpu"
        with pytest.raises(ValueError, match="torch finds no CUDA device"):
            chosen("cuda")
