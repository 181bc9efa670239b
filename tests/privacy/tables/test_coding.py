from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.tables import coding
from privacy.tables.coding import Coded, code_column, quantile_edges
from privacy.tables.columns import Kind, read_column

Cells = Sequence[object]


def coded(
    kind: Kind, train: Cells, holdout: Cells, synthetic: Cells, learnt: Sequence[int] | None = None, **how: bool
) -> Coded:
    columns = [read_column(pa.chunked_array([pa.array(list(c))]), kind) for c in (train, holdout, synthetic)]
    learnt_from = np.arange(len(holdout)) if learnt is None else np.asarray(learnt)
    return code_column("x", kind, columns, learnt_from, **how)


def ones(found: Coded, table: int) -> list[tuple[int, str]]:
    """(record, name) pairs of one of the three tables, in order."""
    entries = found.tables[table]
    return sorted((int(r), found.names[int(c)]) for r, c in zip(*entries, strict=True))


def test_few_values_have_a_bin_each_with_edges_half_way() -> None:
    assert quantile_edges(np.array([3.0, 1.0, 2.0, 3.0])).tolist() == [1.5, 2.5]
    assert quantile_edges(np.array([7.0])).tolist() == []
    assert quantile_edges(np.array([])).tolist() == []
    assert quantile_edges(np.array([1.0, np.inf, np.nan])).tolist() == []


def test_many_values_are_cut_at_quantiles() -> None:
    # of 1 to 20, the smallest value that a fifth of all do not exceed is 4
    assert quantile_edges(np.arange(1.0, 21.0), bins=5).tolist() == [4, 8, 12, 16]
    # three quarters are 0: it has a bin of its own and no edge comes twice
    mostly_zero = np.concatenate([np.zeros(75), np.arange(1.0, 26.0)])
    assert quantile_edges(mostly_zero, bins=4).tolist() == [0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_edges_ascend_and_part_all_values(values: list[float]) -> None:
    x = np.array(values)
    edges = quantile_edges(x)
    assert len(edges) < coding.BINS
    assert (np.diff(edges) > 0).all()
    bins = np.searchsorted(edges, x)
    if len(np.unique(x)) <= coding.BINS:
        assert len(np.unique(bins)) == len(np.unique(x))


def test_edges_are_learnt_where_they_are_told_and_nowhere_else() -> None:
    train, synthetic = [900.0, 901.0, -7.0], [1e9, 2.0, 10.0]
    found = coded("number", train, [1.0, 3.0, 500.0, 501.0], synthetic, learnt=[0, 1])
    assert found.names == ("x=bin 1 of 2", "x=bin 2 of 2")  # edge 2, which belongs to the bin below it
    assert ones(found, 0) == [(0, "x=bin 2 of 2"), (1, "x=bin 2 of 2"), (2, "x=bin 1 of 2")]
    assert ones(found, 2) == [(0, "x=bin 2 of 2"), (1, "x=bin 1 of 2"), (2, "x=bin 2 of 2")]


def test_a_flag_is_one_code_and_on_demand_two() -> None:
    once = coded("flag", [1, 0], [1, 1], [0, 1])
    assert (once.names, once.exclusive) == (("x",), False)
    assert ones(once, 0) == [(0, "x")]
    both = coded("flag", [1, 0], [1, 1], [0, None], both_sides=True)
    assert (both.names, both.exclusive) == (("x=0", "x=1", "x=missing"), True)
    assert ones(both, 2) == [(0, "x=0"), (1, "x=missing")]


def test_a_missing_cell_is_a_code_of_its_own_in_whichever_table_it_is() -> None:
    for kind, cells in (("flag", [1, 0]), ("number", [5.0, 6.0]), ("category", ["a", "b"])):
        found = coded(kind, cells, cells, [cells[0], None])
        assert found.names[-1] == "x=missing"
        assert ones(found, 2)[-1] == (1, "x=missing")
        assert found.exclusive


def test_names_show_a_text_only_where_eleven_real_records_have_it() -> None:
    found = coded("category", ["common"] * 6 + ["SECRET"] * 10, ["common"] * 5, ["SECRET", "ELSEWHERE"] * 20)
    # in the order of the texts: ELSEWHERE (no real record), SECRET (10), common (11)
    assert found.names == ("x=(rare 1)", "x=(rare 2)", "x=common")
    assert ones(found, 2)[:2] == [(0, "x=(rare 2)"), (1, "x=(rare 1)")]
    assert found.note == "'x': 1 values (20 synthetic cells) occur in no real record."


def test_the_rarest_of_too_many_texts_share_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "MOST_WORDS", 3)
    real = ["a"] * 12 + ["c"] * 11 + ["b"] * 3 + ["d"]
    found = coded("category", real, real, ["d", "b", "c", "a"])
    assert found.names == ("x=a", "x=c", "x=(other)")
    assert ones(found, 2) == [(0, "x=(other)"), (1, "x=(other)"), (2, "x=c"), (3, "x=a")]
    assert "the 2 rarest of 4 values share one code" in found.note


def test_a_record_has_any_number_of_codes_each_once() -> None:
    found = coded("codes", [["250", "250", "401"], []], [["250"]] * 12, [["401"]], alone=True)
    assert found.names == ("250", "(rare 1)")
    assert ones(found, 0) == [(0, "(rare 1)"), (0, "250")]
    assert not found.exclusive


cells = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=2, max_size=30)


@given(cells, cells, cells)
def test_every_record_has_exactly_one_code_of_a_category(train: Cells, holdout: Cells, synthetic: Cells) -> None:
    found = coded("category", train, holdout, synthetic)
    for table, given_cells in zip(found.tables, (train, holdout, synthetic), strict=True):
        assert np.array_equal(np.sort(table.records), np.arange(len(given_cells)))
        # and the same code for the same text
        by_text = {(given_cells[r], int(c)) for r, c in zip(table.records.tolist(), table.codes.tolist(), strict=True)}
        assert len({text for text, _ in by_text}) == len({code for _, code in by_text}) == len(by_text)
