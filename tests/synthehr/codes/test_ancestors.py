from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.codes.ancestors import SCHEMA, Ancestor, nearest_ancestors
from synthehr.errors import BadData, BadRequest

ROWS = [
    ("SNOMED/3", "SNOMED/3", 0),
    ("SNOMED/3", "SNOMED/2", 1),
    ("SNOMED/3", "SNOMED/1", 2),
    ("SNOMED/4", "SNOMED/1", 1),
    ("SNOMED/4", "SNOMED/9", 1),
    ("SNOMED/5", "SNOMED/8", 1),
]


def landing(folder: Path, rows: list[tuple[str, str, int]], schema: dict[str, pa.DataType] = SCHEMA) -> Path:
    (folder / "metadata").mkdir(exist_ok=True)
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, schema.values(), strict=True)]
    pq.write_table(pa.table(dict(zip(schema, arrays, strict=True))), folder / "metadata" / "ancestors.parquet")
    return folder


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]])
def test_the_nearest_listed_ancestor_wins_and_of_equals_the_smallest_code(
    tmp_path: Path, rows: list[tuple[str, str, int]]
) -> None:
    found = nearest_ancestors(landing(tmp_path, rows), ["SNOMED/1", "SNOMED/2", "SNOMED/9"])
    assert found == {
        "SNOMED/1": Ancestor("SNOMED/1", False),
        "SNOMED/2": Ancestor("SNOMED/2", False),
        "SNOMED/9": Ancestor("SNOMED/9", False),
        "SNOMED/3": Ancestor("SNOMED/2", False),
        "SNOMED/4": Ancestor("SNOMED/1", True),
    }
    alone = nearest_ancestors(tmp_path, ["SNOMED/1"])
    assert alone["SNOMED/3"] == Ancestor("SNOMED/1", False)


def test_a_source_without_ancestors_cannot_be_rolled_up_so(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="CONCEPT_ANCESTOR"):
        nearest_ancestors(tmp_path, ["SNOMED/1"])
    landing(tmp_path, ROWS, SCHEMA | {"levels": pa.int64()})
    with pytest.raises(BadData, match="levels int32"):
        nearest_ancestors(tmp_path, ["SNOMED/1"])
