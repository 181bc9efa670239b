from pathlib import Path

import pytest

from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.models.registry import NAMES, create, load_run


@pytest.mark.parametrize("name", NAMES)
def test_every_model_keeps_the_contract(name: str) -> None:
    assert callable(create(name).fit)
    assert {"fit", "sample", "save", "load"} <= set(dir(create(name)))


def test_a_near_name_is_offered() -> None:
    with pytest.raises(BadRequest, match="Did you mean 'medgan'"):
        create("megdan")


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(BadRequest, match="epoch"):
        create("medgan", options={"epoch": 3})
    with pytest.raises(BadRequest):
        create("copula", options={"ranks": 3})


def test_no_run_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(IncompleteLanding, match="run"):
        load_run(tmp_path)
