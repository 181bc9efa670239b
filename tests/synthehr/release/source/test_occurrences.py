from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.engine import engine
from synthehr.release.source.occurrences import each_shard, visits_sql

VOCABULARY = Vocabulary(("A/1", "A/2", "A/3"), ("",) * 3, (None,) * 3)
SHARD = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None)
@given(shards=st.lists(SHARD, min_size=1, max_size=3))
def test_every_count_becomes_as_many_records_in_the_fewest_visits(
    shards: list[list[tuple[int, int, int]]], tmp_path_factory: object
) -> None:
    folder = tmp_path_factory.mktemp("shards")  # type: ignore[attr-defined]
    paths, first = [], 1
    for k, rows in enumerate(shards):
        ids = -np.arange(first, first + len(rows), dtype=np.int64)
        first += len(rows)
        paths.append(Path(folder) / f"{k}.parquet")
        matrix = CodeMatrix(canonical(sparse.csr_matrix(np.array(rows))), ids, VOCABULARY)
        write_matrix(paths[-1], matrix, id_name="synthetic_id")
    records, visits = [], []
    with engine(Path(folder) / "work") as connection:
        for _ in each_shard(connection, paths):
            asked = "SELECT person_id, code_index, nth, visit_id FROM occurrence"
            records += connection.execute(asked).fetchall()
            visits += connection.execute(visits_sql()).fetchall()
    flat = [row for rows in shards for row in rows]
    expected = {(-1 - i, j, n + 1) for i, row in enumerate(flat) for j, c in enumerate(row) for n in range(c)}
    assert sorted(record[:3] for record in records) == sorted(expected)
    # the commonest code's count, and one visit for who has no code; numbered through, each once
    assert [person for person, _ in visits] == [-1 - i for i, row in enumerate(flat) for _ in range(max(*row, 1))]
    assert [visit for _, visit in visits] == [-1 - k for k in range(len(visits))]
    whose = {visit: person for person, visit in visits}
    assert all(whose[visit] == person for person, _, _, visit in records)
    assert len({(code, visit) for _, code, _, visit in records}) == len(records)
