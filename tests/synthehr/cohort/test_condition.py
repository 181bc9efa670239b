import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.condition import Condition
from synthehr.cohort.matrix import canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest

CODES = (
    *("SEX/female", "SEX/male", "AGE/60-70", "AGE/70-80", "AGE/80+"),
    *("ICD9CM/428", "ICD9CM/250.00", "DRUG/insulin glargine", 'LAB/"x"=1', "and", "PLAIN", "GENDER/female"),
)
GROUPS = (*("sex",) * 2, *("age band",) * 3, *(None,) * 6, "sex")
VOCABULARY = Vocabulary(CODES, ("",) * len(CODES), GROUPS)
# paper patients: female 70-80 with 428; male 70-80 with 428 twice and 250.00; female 60-70 with 250.00; male 80+ alone
PEOPLE = [{0: 1, 3: 1, 5: 1}, {1: 1, 3: 1, 5: 2, 6: 1}, {0: 1, 2: 1, 6: 1}, {1: 1, 4: 1}]


def matrix(people: list[dict[int, int]]) -> sparse.csr_matrix:
    dense = np.zeros((len(people), len(CODES)), dtype=np.int64)
    for i, codes in enumerate(people):
        for j, count in codes.items():
            dense[i, j] = count
    return canonical(sparse.csr_matrix(dense))


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("ICD9CM/428", [0, 1]),
        ('"ICD9CM/428"', [0, 1]),
        ("not ICD9CM/428", [2, 3]),
        ("ICD9CM/428 and ICD9CM/250.00", [1]),
        ("ICD9CM/428 or ICD9CM/250.00", [0, 1, 2]),
        ("sex = 'female'", [0, 2]),
        ("SEX/female", [0, 2]),
        ("\"age band\" in ('70-80', '80+')", [0, 1, 3]),
        ("\"age band\" IN ('70-80') AND ICD9CM/428 And Not sex='male'", [0]),
        ("sex='male' or sex='female' and ICD9CM/428", [0, 1, 3]),  # `and` binds more than `or`
        ("(sex='male' or sex='female') and ICD9CM/428", [0, 1]),
        ("not sex='male' and ICD9CM/250.00", [2]),  # `not` binds more than `and`
        ("not (sex='male' and ICD9CM/250.00)", [0, 2, 3]),
        ("not not ICD9CM/428", [0, 1]),
        ('"DRUG/insulin glargine" or "LAB/""x""=1" or "and" or PLAIN', []),
        ("((ICD9CM/428))", [0, 1]),
    ],
)
def test_paper_patients(text: str, whom: list[int]) -> None:
    assert np.flatnonzero(Condition.parse(text, VOCABULARY).holds(matrix(PEOPLE))).tolist() == whom


def test_odd_names_and_a_member_that_two_systems_share() -> None:
    people = matrix([{7: 1}, {8: 1}, {9: 1}, {10: 1}, {0: 1}, {11: 1}, {}])
    for text, whom in [
        ('"DRUG/insulin glargine"', [0]),
        ('"LAB/""x""=1"', [1]),
        ("'LAB/\"x\"=1'", [1]),
        ('"and" or PLAIN', [2, 3]),
        ("sex in ('female')", [4, 5]),
    ]:
        assert np.flatnonzero(Condition.parse(text, VOCABULARY).holds(people)).tolist() == whom


def test_nobody_is_asked_and_a_matrix_of_other_codes_is_refused() -> None:
    condition = Condition.parse("ICD9CM/428", VOCABULARY)
    assert condition.holds(matrix([])).shape == (0,)
    with pytest.raises(ValueError, match="12"):
        condition.holds(sparse.csr_matrix((3, 5), dtype=np.uint16))


def typed(name: str, draw: st.DrawFn) -> str:
    if name in ("ICD9CM/428", "ICD9CM/250.00", "PLAIN", "SEX/male", "sex") and draw(st.booleans()):
        return name
    return '"' + name.replace('"', '""') + '"'


@st.composite
def leaves(draw: st.DrawFn) -> tuple[str, str]:
    """A code or a question of a group, as a condition and as Python over the list of codes `p` of a patient."""
    if draw(st.booleans()):
        j = draw(st.integers(0, len(CODES) - 1))
        return typed(CODES[j], draw), f"p[{j}]"
    group = draw(st.sampled_from(["sex", "age band"]))
    names = sorted({code.split("/")[1] for code, of in zip(CODES, GROUPS, strict=True) if of == group})
    asked = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    columns = [j for j, code in enumerate(CODES) if GROUPS[j] == group and code.split("/")[1] in asked]
    python = f"any([{', '.join(f'p[{j}]' for j in columns)}])"
    if len(asked) == 1 and draw(st.booleans()):
        return f"{typed(group, draw)}='{asked[0]}'", python
    members = " , ".join(f"'{name}'" for name in asked)
    return f"{typed(group, draw)} {draw(st.sampled_from(['in', 'IN']))}({members})", python


@st.composite
def larger(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    """Joined without parentheses unless drawn: Python's own precedence is the judge of ours."""
    kind = draw(st.sampled_from(["not", "and", "or", "()"]))
    text, python = draw(inner)
    keyword = draw(st.sampled_from([kind, kind.upper(), kind.title()]))
    if kind == "()":
        return f"( {text})", f"({python})"
    if kind == "not":
        return f"{keyword} {text}", f"not {python}"
    other = draw(inner)
    return f"{text}  {keyword} {other[0]}", f"{python} {kind} {other[1]}"


population = st.lists(st.lists(st.integers(0, 2), min_size=len(CODES), max_size=len(CODES)), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(written=st.recursive(leaves(), larger, max_leaves=12), people=population)
def test_a_condition_is_what_python_makes_of_it(written: tuple[str, str], people: list[list[int]]) -> None:
    text, python = written
    expected = [bool(eval(python, {"any": any}, {"p": [count > 0 for count in patient]})) for patient in people]
    counts = canonical(sparse.csr_matrix(np.asarray(people, dtype=np.int64)))
    assert Condition.parse(text, VOCABULARY).holds(counts).tolist() == expected


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "expected a code, a group, 'not' or '('. Got the end"),
        ("ICD9CM/428 and", 15, "Got the end"),
        ("ICD9CM/428 or and PLAIN", 15, "Got and"),
        ("icd9cm/428", 1, "Did you mean ICD9CM/428"),
        ("DRUG/insulin glargine", 1, 'Did you mean "DRUG/insulin glargine"'),
        ("zzz", 1, "vocabulary.parquet"),
        ("PLAIN PLAIN", 7, "'and', 'or' or the end of the condition. Got PLAIN"),
        ("PLAIN)", 6, "Got )"),
        ("not (PLAIN or PLAIN", 20, "the ')' of the '(' at position 5"),
        ("sxe = 'male'", 1, "Did you mean sex?"),
        ("zzz = 'male'", 1, 'Known: sex, "age band".'),
        ("PLAIN = 'male'", 1, "expected a group"),
        ("sex", 4, "'in' or '=' after the group sex. Got the end"),
        ("sex not in ('male')", 5, "The opposite is: not sex in (...)"),
        ("sex = male", 7, "a member in quotes, such as 'female'. Got male"),
        ("sex = 'mail'", 7, "one of 'female', 'male'. Got 'mail' instead. Did you mean 'male'"),
        ("sex in 'male'", 8, "expected '('"),
        ("sex in ()", 9, "a member in quotes"),
        ("sex in ('male',)", 16, "a member in quotes"),
        ("sex in ('male' 'female')", 16, "',' or ')'"),
        ("sex in ('male'", 15, "',' or ')'. Got the end"),
        ("PLAIN and 'ICD9", 11, "a quote that is closed. Got 'ICD9"),
        ("(" * 51 + "PLAIN" + ")" * 51, 51, "at most 50 levels"),
        ("not " * 5_000 + "PLAIN", 201, "at most 50 levels"),
        ("PLAIN.__class__", 1, "a code or group of the vocabulary"),
    ],
)
def test_what_is_written_wrongly_is_said_with_its_position(text: str, position: int, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Condition.parse(text, VOCABULARY)
    assert str(refused.value).startswith(f"Condition, position {position}: expected ")
    assert words in str(refused.value)


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from([*"()=,'\" x", " and ", " or ", " not ", "PLAIN", "sex", " in ", "'male'"])))
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    try:
        condition = Condition.parse("".join(parts), VOCABULARY)
    except BadRequest:
        return
    assert condition.holds(matrix(PEOPLE)).shape == (4,)


def test_a_long_chain_is_no_depth() -> None:
    assert Condition.parse(" or ".join(["PLAIN"] * 3_000), VOCABULARY).holds(matrix(PEOPLE)).tolist() == [False] * 4
