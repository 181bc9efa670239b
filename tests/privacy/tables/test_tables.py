from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from privacy.tables.columns import Column
from privacy.tables.reading import BadTable
from privacy.tables.sheet import Sheet
from privacy.tables.tables import Sheets, Tables, code_tables, read_sheets

Frames = list[pd.DataFrame]
SIZES = (60, 50, 45)
LEARNT = np.arange(25, 50)  # the second half of the holdout: the first is attacked


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "subject_id": 1_000 * seed + np.arange(n),
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(18, 90, n),
            "admitted": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D"),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n).round(2)),
            "smoker": rng.integers(0, 2, n),
            "codes": [
                ";".join(rng.choice(["250", "401", "0401"], rng.integers(0, 3), replace=False)) for _ in range(n)
            ],
        }
    )


def frames() -> Frames:
    return [mixed(n, seed) for seed, n in enumerate(SIZES, 1)]


def saved(folder: Path, tables: Frames, ending: str = "csv") -> list[Path]:
    paths = [folder / f"{name}.{ending}" for name in ("a", "b", "c")]
    for path, table in zip(paths, tables, strict=True):
        if ending == "parquet":
            table.to_parquet(path, index=False)
        else:
            table.to_csv(path, index=False)
    return paths


def coded(folder: Path, tables: Frames, ending: str = "csv") -> Tables:
    return code_tables(read_sheets(*saved(folder, tables, ending)), LEARNT)


def same(one: sparse.csr_matrix, other: sparse.csr_matrix) -> bool:
    return one.shape == other.shape and (one != other).nnz == 0


def test_a_mixed_table_becomes_codes_in_the_order_of_its_columns(tmp_path: Path) -> None:
    found = coded(tmp_path, frames())
    assert [matrix.shape[0] for matrix in (found.members, found.holdout, found.synthetic)] == list(SIZES)
    assert list(dict.fromkeys(found.columns)) == ["sex", "age", "admitted", "lab", "smoker", "codes"]
    assert found.codes[:2] == ("sex=F", "sex=M")
    assert {"lab=missing", "smoker", "codes=0401"} <= set(found.codes)
    assert found.members.dtype == np.uint8
    by_name = found.members[:, [found.codes.index("sex=F")]].toarray().ravel()
    assert by_name.tolist() == (frames()[0]["sex"] == "F").astype(int).to_list()
    # each of the groups is one column, of which every record has one code
    assert [found.columns[group[0]] for group in found.groups] == ["sex", "age", "admitted", "lab"]
    for group in found.groups:
        for matrix in (found.members, found.holdout, found.synthetic):
            assert set(np.asarray(matrix[:, list(group)].sum(axis=1)).ravel()) == {1}
    assert found.notes == ("Left out as ids: 'subject_id'.",)


def test_an_earlier_release_has_the_same_codes_and_changes_nothing_of_the_others(tmp_path: Path) -> None:
    paths = saved(tmp_path, frames())
    frames()[2].iloc[::-1].to_csv(tmp_path / "d.csv", index=False)
    alone = code_tables(read_sheets(*paths), LEARNT)
    found = code_tables(read_sheets(*paths, previous=tmp_path / "d.csv"), LEARNT)
    assert alone.previous is None
    assert found.codes == alone.codes
    for name in ("members", "holdout", "synthetic"):
        assert same(getattr(found, name), getattr(alone, name))
    assert found.previous is not None
    assert same(found.previous, found.synthetic[::-1])


def test_the_file_format_does_not_matter(tmp_path: Path) -> None:
    text, typed, packed = (coded(tmp_path, frames(), ending) for ending in ("csv", "parquet", "csv.gz"))
    assert text.codes == typed.codes == packed.codes
    for name in ("members", "holdout", "synthetic"):
        assert same(getattr(text, name), getattr(typed, name))
        assert same(getattr(text, name), getattr(packed, name))


def test_three_forms_of_the_same_codes_give_the_same_matrix(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dense = [(rng.random((n, 6)) < 0.4).astype(np.uint8) | np.eye(n, 6, dtype=np.uint8) for n in SIZES]
    found = []
    for form in ("wide", "list", "matrix"):
        paths = []
        for k, rows in enumerate(dense):
            paths.append(tmp_path / f"{form}{k}.parquet")
            ids = np.arange(len(rows)) + 1_000 * k
            listed = [np.flatnonzero(row).astype(np.uint32) for row in rows]
            if form == "wide":
                table = pa.table({"subject_id": ids} | {str(j): rows[:, j] for j in range(6)})
            elif form == "list":
                pairs = [(i, j) for i, row in zip(ids, listed, strict=True) for j in (row if len(row) else [None])]
                table = pa.table({"subject_id": [i for i, _ in pairs], "code": [j for _, j in pairs]})
            else:
                table = pa.table({"subject_id": ids, "codes": pa.array(listed, pa.list_(pa.uint32()))})
            pq.write_table(table, paths[-1])
        found.append(code_tables(read_sheets(*paths), LEARNT))
    assert found[0].codes == tuple("012345")
    for tables in found:
        assert tables.codes == tables.columns == found[0].codes
        assert tables.groups == ()
        for name, rows in zip(("members", "holdout", "synthetic"), dense, strict=True):
            assert np.array_equal(getattr(tables, name).toarray(), rows)


def swapped(sheets: Sheets, member: int, nonmember: int) -> Sheets:
    """The same tables with two patients in each other's place."""
    train, holdout = dict(sheets.train.columns), dict(sheets.holdout.columns)
    for name in sheets.kinds:
        a, b = train[name], holdout[name]
        words = tuple(dict.fromkeys((*a.words, *b.words)))
        place = {word: k for k, word in enumerate(words)}
        values_a, values_b = (_in(column, place) for column in (a, b))
        missing_a, missing_b = a.missing.copy(), b.missing.copy()
        values_a[member], values_b[nonmember] = values_b[nonmember], values_a[member]
        missing_a[member], missing_b[nonmember] = missing_b[nonmember], missing_a[member]
        train[name] = replace(a, values=values_a, missing=missing_a, words=words)
        holdout[name] = replace(b, values=values_b, missing=missing_b, words=words)
    return replace(sheets, train=replace(sheets.train, columns=train), holdout=replace(sheets.holdout, columns=holdout))


def _in(column: Column, place: dict[str, int]) -> np.ndarray:
    if not column.words:
        return column.values.copy()
    to = np.array([*(place[word] for word in column.words), -1], dtype=np.int32)
    return to[column.values]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(member=st.integers(0, SIZES[0] - 1), nonmember=st.integers(0, 24))
def test_members_and_attacked_nonmembers_can_change_places(member: int, nonmember: int, tmp_path: Path) -> None:
    """The codes do not know who is who: that is what the p values of all membership attacks rest on."""
    sheets = read_sheets(*saved(tmp_path, [frame.drop(columns="codes") for frame in frames()]))
    before, after = (code_tables(s, LEARNT) for s in (sheets, swapped(sheets, member, nonmember)))
    assert after.codes == before.codes
    assert same(after.members[member], before.holdout[nonmember])
    assert same(after.holdout[nonmember], before.members[member])
    assert same(after.synthetic, before.synthetic)


def test_they_cannot_where_the_edges_are_those_of_attacked_nonmembers(tmp_path: Path) -> None:
    sheets = read_sheets(*saved(tmp_path, [frame.drop(columns="codes") for frame in frames()]))
    attacked = np.arange(25)
    before = code_tables(sheets, attacked)
    changed = [code_tables(swapped(sheets, member, 0), attacked) for member in range(10)]
    assert any(not same(after.synthetic, before.synthetic) for after in changed)


def test_columns_may_stand_in_any_order_and_synthetic_ids_be_others(tmp_path: Path) -> None:
    real, other, release = frames()
    turned = release[release.columns[::-1]].rename(columns={"subject_id": "synthetic_id"})
    assert same(coded(tmp_path, [real, other, turned]).synthetic, coded(tmp_path, [real, other, release]).synthetic)


def test_a_column_that_nobody_filled_and_patients_with_two_records_are_noted(tmp_path: Path) -> None:
    tables = [frame.assign(empty="") for frame in frames()]
    tables[0].loc[1, "subject_id"] = tables[0].loc[0, "subject_id"]
    notes = " ".join(coded(tmp_path, tables).notes)
    assert "Left out, empty in all tables: 'empty'." in notes
    assert "a.csv has 1 further records of patients it already has" in notes


def spoilt(which: int, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Frames:
    return [change(frame) if k == which else frame for k, frame in enumerate(frames())]


BAD = {
    "lacks and besides": (spoilt(2, lambda f: f.rename(columns={"age": "Age"})), "lacks 'age' and has besides 'Age'"),
    "no header": (
        spoilt(1, lambda f: f.set_axis([str(cell) for cell in f.iloc[0]], axis=1)),
        r"the first row of holdout table b\.csv seems to hold values",
    ),
    "too few": (spoilt(1, lambda f: f.head(39)), r"holdout table b\.csv has 39 records; under 40"),
    "other kind": (
        spoilt(2, lambda f: f.assign(age=["SECRET"] * 3 + ["30"] * (len(f) - 3))),
        r"'age' is not of one kind: number in training.*text in synthetic table c\.csv \(3 of 45 cells",
    ),
    "date and text": (spoilt(0, lambda f: f.assign(admitted=["SECRET", "X"] * 30)), "'admitted' is not of one kind"),
    "free text": ([f.assign(name=[f"SECRET{i}" for i in f["subject_id"]]) for f in frames()], "Declare it as id"),
    "spelt otherwise": (
        spoilt(2, lambda f: f.assign(sex=f["sex"].map({"F": "SECRET", "M": "X"}))),
        r"c\.csv: column 'sex' has no text in common",
    ),
    "patients on both sides": (
        spoilt(1, lambda f: f.assign(subject_id=f["subject_id"].where(f.index > 2, f["subject_id"] - 1_000))),
        r"3 values of 'subject_id' stand both in training table a\.csv and in holdout table b\.csv",
    ),
    "nothing filled": ([f[["subject_id"]].assign(x="") for f in frames()], "not one cell that is filled"),
    "codes of one name": ([f.assign(**{"sex=F": f["smoker"]}) for f in frames()], "codes of one name"),
}


@pytest.mark.parametrize("kind", BAD)
def test_tables_that_do_not_fit_are_refused_and_no_value_is_told(kind: str, tmp_path: Path) -> None:
    tables, words = BAD[kind]
    with pytest.raises(BadTable, match=words) as refusal:
        coded(tmp_path, tables)
    assert "SECRET" not in str(refusal.value)
    assert "1000" not in str(refusal.value)
    assert refusal.value.exit_code == 3


def test_what_is_declared_is_believed_and_must_be_there(tmp_path: Path) -> None:
    paths = saved(tmp_path, frames())
    sheets = read_sheets(*paths, {"age": "category", "smoker": "id"})
    assert sheets.kinds["age"] == "category"
    assert "smoker" not in sheets.kinds
    with pytest.raises(BadTable, match="'aeg' declared, and no table has it"):
        read_sheets(*paths, {"aeg": "category"})
    with pytest.raises(BadTable, match="'sex' was declared number and holds text in 60 of 60 cells"):
        read_sheets(*paths, {"sex": "number"})


def test_names_of_codes_and_notes_tell_nothing_of_few_patients(tmp_path: Path) -> None:
    tables = [f.assign(town=["Big"] * (len(f) - 10) + [f"SECRET{k % 5}" for k in range(10)]) for f in frames()]
    tables[0]["town"] = tables[0]["town"].replace("SECRET4", "SECRET9")
    found = coded(tmp_path, tables)
    assert "town=Big" in found.codes
    assert sum(code.startswith("town=(rare ") for code in found.codes) == 6
    assert "SECRET" not in " ".join((*found.codes, *found.columns, *found.notes))


def test_progress_counts_tables(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    read_sheets(*saved(tmp_path, frames()), progress=lambda *position: told.append(position))
    assert told == [("reading", k, 3, "table") for k in range(4)]


def test_sheets_are_read_once_and_left_as_they_were(tmp_path: Path) -> None:
    sheets = read_sheets(*saved(tmp_path, frames()))
    first, again = (code_tables(sheets, LEARNT) for _ in range(2))
    assert same(first.members, again.members)
    assert isinstance(sheets.train, Sheet)
