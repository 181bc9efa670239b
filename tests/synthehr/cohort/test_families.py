import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthehr.cohort.families import families
from synthehr.cohort.vocabulary import Vocabulary


def vocabulary_of(*codes: str, group: str | None = None) -> Vocabulary:
    return Vocabulary(codes, ("",) * len(codes), (group,) * len(codes))


def alike(vocabulary: Vocabulary) -> np.ndarray:
    """In how many families two codes are together."""
    found = families(vocabulary)
    together = (found[:, None] == found[None]) & (found[:, None] >= 0)
    return np.asarray(together.sum(axis=2))


def test_codes_are_as_near_as_the_characters_they_share() -> None:
    codes = "ICD9CM/428", "ICD9CM/427", "ICD9CM/401", "ICD9CM/250", "ICD9CM/428.0"
    found = alike(vocabulary_of(*codes))
    assert found[0, 1] == 2  # 4 and 42
    assert found[0, 2] == 1  # 4
    assert found[0, 3] == 0
    assert found[4, 0] == 2  # 428 is not in a family below itself: it shares 4 and 42 with 428.0
    assert families(vocabulary_of(*codes))[3].max() == -1  # nobody shares 2


def test_a_category_gathers_its_codes() -> None:
    found = alike(vocabulary_of("ICD9CM/250.00", "ICD9CM/250.40", "ICD9CM/251.0"))
    assert found[0, 1] == 3
    assert found[0, 2] == 2


def test_names_are_no_classification() -> None:
    assert families(vocabulary_of("DRUG/metformin", "DRUG/metolazone")).max() == -1
    assert families(vocabulary_of("ICD9CM/401", "ICD9CM/402", group="of one")).max() == -1
    assert families(vocabulary_of("ICD9CM/401", "ICD9CM/402")).max() >= 0  # the control
    assert alike(vocabulary_of("ICD9CM/401", "ICD10CM/401"))[0, 1] == 0


@given(st.lists(st.text("0123456789EV.", min_size=1, max_size=6), min_size=1, max_size=30, unique=True))
def test_every_family_has_two_members_and_one_prefix(values: list[str]) -> None:
    found = families(vocabulary_of(*(f"ICD9CM/{value}" for value in values)))
    for number in range(int(found.max()) + 1):
        members, level = np.nonzero(found == number)
        assert len(members) > 1
        assert len({values[j][: (1, 2, 3)[k]] for j, k in zip(members, level, strict=True)}) == 1
