from dataclasses import dataclass

import pytest

from synthehr.errors import BadRequest
from synthehr.models.options import check_at_least_one, options_of


@dataclass(frozen=True)
class Few:
    epochs: int = 3
    minutes: float | None = None


def test_options_come_from_a_mapping_and_an_unknown_one_is_named() -> None:
    assert options_of(Few, "few", {"epochs": 5}) == Few(5, None)
    with pytest.raises(
        BadRequest, match=r"few does not know the options \['epoch'\]; it knows \['epochs', 'minutes'\]"
    ):
        options_of(Few, "few", {"epoch": 5})


def test_a_number_below_one_is_named() -> None:
    check_at_least_one(Few(1), ("epochs",))
    with pytest.raises(BadRequest, match="'epochs' option must be 1 or more"):
        check_at_least_one(Few(0), ("epochs",))
