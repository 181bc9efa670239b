"""One table, read: a record for each patient, with columns of content and, apart from them, its ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.tables.columns import Column, Kind, read_column
from privacy.tables.reading import BadTable, read_table

# in lower case; the first few number persons, the others rows or stays, which may start anew in each file
PERSON_IDS = ("subject_id", "patient_id", "person_id", "patient_nbr", "mrn")
IDS = (
    *PERSON_IDS,
    *("synthetic_id", "id", "row_id", "record_id", "", "unnamed: 0", "__index_level_0__"),
    *("hadm_id", "encounter_id", "visit_id", "visit_occurrence_id", "stay_id", "icustay_id"),
)
CODE, CODES, COUNTS = "code", "codes", "counts"


@dataclass(frozen=True)
class Sheet:
    """Records of one table.

    name: how messages call it. n: number of records. columns: content by name, in the order of the file. ids: the id of
    each record, (n,) strings, by name of the id column. from_list: the table had a row for each code of a patient.
    """

    name: str
    n: int
    columns: Mapping[str, Column]
    ids: Mapping[str, pa.ChunkedArray]
    from_list: bool = False


def read_sheet(role: str, path: Path, declared: Mapping[str, Kind]) -> Sheet:
    """Read a table in any of three forms; `role` names it in messages, `declared` gives kinds of columns by name.

    A list of two columns, an id and `code`, with a row for each code of a patient (an empty code is a patient without
    any). A matrix: an id and `codes`, a list in each cell, with or without `counts`. Else one row a record, where each
    column is of the kind that its cells show. Columns named as ids are, and so are those declared id, left out.

    Raises:
        BadTable: as `read_table`; or a column that cannot be read, of a kind other than declared, or nothing but ids.
    """
    table = read_table(path)
    name = f"{role} {path.name}"
    ids = [column for column in table.column_names if _is_id(column, declared)]
    content = [column for column in table.column_names if column not in ids]
    if not content:
        raise BadTable(f"{name} has no column but ids: there is nothing to attack.")
    if len(ids) == 1 and [column.lower() for column in content] == [CODE] and not _is_list(table[content[0]].type):
        return _from_list(name, table, ids[0], content[0])
    if COUNTS in content and CODES in content and _is_list(table[CODES].type):
        _check_counts(name, table)
        content.remove(COUNTS)
    columns = {column: _read(name, column, table, declared) for column in content}
    return Sheet(name, table.num_rows, columns, {column: table[column].cast(pa.string()) for column in ids})


def _is_id(column: str, declared: Mapping[str, Kind]) -> bool:
    return declared[column] == "id" if column in declared else column.lower() in IDS


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _read(name: str, column: str, table: pa.Table, declared: Mapping[str, Kind]) -> Column:
    asked = declared.get(column, "codes" if column.lower() == CODES else None)
    try:
        return read_column(table[column], asked)
    except ValueError as error:
        raise BadTable(f"{name}: column {column!r} {error}. Mend it, or declare it as what it is.") from None


def _from_list(name: str, table: pa.Table, id_column: str, code_column: str) -> Sheet:
    ids = table[id_column].cast(pa.string()).combine_chunks()
    nameless = int(pc.sum(pc.equal(pc.fill_null(pc.utf8_trim_whitespace(ids), ""), "")).as_py() or 0)
    if nameless:
        raise BadTable(f"{name}: {nameless:,} rows have no {id_column!r}, so nobody knows whose code it is. Mend them.")
    encoded = ids.dictionary_encode()
    try:
        codes = read_column(table[code_column], "category")
    except (ValueError, pa.ArrowException):
        raise BadTable(f"{name}: column {code_column!r} must hold one code a row, as text or number.") from None
    given = np.flatnonzero(~codes.missing)
    n = len(encoded.dictionary)
    column = Column(
        kind="codes",
        missing=np.zeros(n, dtype=bool),
        values=codes.values[given],
        words=codes.words,
        entries_of=encoded.indices.to_numpy()[given].astype(np.int64),
    )
    return Sheet(name, n, {CODE: column}, {id_column: pa.chunked_array([encoded.dictionary])}, from_list=True)


def _check_counts(name: str, table: pa.Table) -> None:
    lists = [table[column].combine_chunks() for column in (CODES, COUNTS)]
    if not _is_list(lists[1].type):
        raise BadTable(f"{name}: 'counts' must hold a list in each cell, as long as that of 'codes'.")
    lengths = [pc.fill_null(pc.list_value_length(column), 0) for column in lists]
    if not lengths[0].equals(lengths[1]) or not pc.all(pc.greater(lists[1].flatten(), 0), min_count=0).as_py():
        raise BadTable(f"{name}: 'counts' must have one count for each of 'codes', above 0.")
