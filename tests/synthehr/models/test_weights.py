from pathlib import Path

import numpy as np
import pytest

from synthehr.errors import IncompleteLanding
from synthehr.models.weights import model_name, read_weights, write_weights


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.int64).reshape(2, 3).T, "b": np.array([0.5], dtype=np.float32)}
    write_weights(tmp_path, "copula", {"rank": 3}, arrays)
    options, found = read_weights(tmp_path, "copula")
    assert options == {"rank": 3}
    assert model_name(tmp_path) == "copula"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_another_models_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IncompleteLanding, match=r"no model\.json"):
        read_weights(tmp_path, "copula")
    write_weights(tmp_path, "medgan", {}, {"a": np.zeros(1)})
    with pytest.raises(IncompleteLanding, match="found one of medgan"):
        read_weights(tmp_path, "copula")
