"""Counting the events of an events landing by patient and column, in DuckDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.matrix import canonical
from synthehr.cohort.rollup import Rollup, rolled_up
from synthehr.errors import BadData
from synthehr.events.schema import system

UNKNOWN = "unknown"


def patients_of(connection: duckdb.DuckDBPyConnection, source: str, events: Path) -> NDArray[np.int64]:
    """(n_patients,) ascending ids of those with an event in `source`, a DuckDB table; BadData if nobody has one."""
    found = connection.execute(f"SELECT DISTINCT subject_id FROM {source} ORDER BY subject_id").fetchnumpy()
    if not len(found["subject_id"]):
        raise BadData(f"{events} holds no event: there is no cohort to build.")
    return np.asarray(found["subject_id"], dtype=np.int64)


def lay_columns(
    connection: duckdb.DuckDBPyConnection, source: str, rollup: Rollup, exclusive: Mapping[str, str]
) -> list[str]:
    """Leave the view `coded` (events with the column that they count in); give the columns in no group, sorted."""
    codes = sorted(code for (code,) in connection.execute(f"SELECT DISTINCT code FROM {source}").fetchall())
    columns = [rolled_up(code, rollup) for code in codes]
    names = sorted(name for name in set(columns) if system(name) not in exclusive)
    position = {name: k for k, name in enumerate(names)}
    table = {
        "code": pa.array(codes, pa.string()),
        "name": pa.array(columns, pa.string()),
        "position": pa.array([position.get(name) for name in columns], pa.int32()),
        "exclusive": pa.array([exclusive.get(system(name)) for name in columns], pa.string()),
    }
    connection.register("columns", pa.table(table))
    connection.execute(f"CREATE TEMP VIEW coded AS SELECT * FROM {source} JOIN columns USING (code)")
    return names


def count_codes(connection: duckdb.DuckDBPyConnection, names: list[str], ids: NDArray[np.int64]) -> sparse.csr_matrix:
    """CSR (n_patients, n_names): encounters with each code that is in no group."""
    found = connection.execute(
        """SELECT subject_id, position, CAST(sum(n) AS BIGINT) AS n FROM (
          SELECT subject_id, position, CASE WHEN visit_id IS NULL THEN count(*) ELSE 1 END AS n
          FROM coded WHERE position IS NOT NULL GROUP BY subject_id, position, visit_id
        ) GROUP BY subject_id, position"""
    ).fetchnumpy()
    rows = np.searchsorted(ids, np.asarray(found["subject_id"]))
    triplets = (np.asarray(found["n"]), (rows, np.asarray(found["position"])))
    return canonical(sparse.coo_matrix(triplets, shape=(len(ids), len(names))))


@dataclass(frozen=True)
class Group:
    """An exclusive group. names: its members, sorted; member: (n_patients,) position in names; differing: patients."""

    names: list[str]
    member: NDArray[np.int64]
    differing: int


def group_members(
    connection: duckdb.DuckDBPyConnection, exclusive: str, group: str, ids: NDArray[np.int64]
) -> Group | None:
    """The member of one group that each patient has, or None where no event is of its system."""
    found = connection.execute(
        """SELECT subject_id, min(name) <> max(name) AS differs, arg_min(
          name, ROW(ends_with(name, ?), time IS NOT NULL, time, visit_id IS NOT NULL, visit_id, name)) AS name
        FROM coded WHERE exclusive = ? GROUP BY subject_id""",
        [f"/{UNKNOWN}", group],
    ).fetchnumpy()
    if not len(found["name"]):
        return None
    said = np.asarray(found["name"], dtype=str)
    nobody = f"{exclusive}/{UNKNOWN}"
    names = sorted({*said.tolist(), *([nobody] if len(said) < len(ids) else [])})
    member = np.full(len(ids), names.index(nobody) if nobody in names else -1, dtype=np.int64)
    member[np.searchsorted(ids, np.asarray(found["subject_id"]))] = np.searchsorted(names, said)
    return Group(names, member, int(np.asarray(found["differs"]).sum()))
