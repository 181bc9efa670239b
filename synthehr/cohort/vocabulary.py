"""The vocabulary: the codes that are the columns of a code matrix, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthehr.errors import BadData

SCHEMA = pa.schema(
    [
        ("index", pa.uint32()),
        ("code", pa.string()),
        ("description", pa.string()),
        ("system", pa.string()),
        ("group", pa.string()),
    ]
)


@dataclass(frozen=True)
class Vocabulary:
    """Codes of a cohort; position is the column index.

    code: unique, `SYSTEM/value`, such as `ICD9CM/250`. description: human text, may be empty. system: the part before
    the first slash. group: the exclusive group (sex, age, race) of which every patient has exactly one member, or None.
    """

    code: tuple[str, ...]
    description: tuple[str, ...]
    group: tuple[str | None, ...]

    def __post_init__(self) -> None:
        if not len(self.code) == len(self.description) == len(self.group):
            raise ValueError("code, description and group must have one entry a column")
        if len(set(self.code)) != len(self.code):
            raise BadData(f"The vocabulary must have each code once; {len(self.code) - len(set(self.code))} repeat.")

    def __len__(self) -> int:
        return len(self.code)

    @cached_property
    def system(self) -> tuple[str, ...]:
        """Code system of each code: what stands before the first slash."""
        return tuple(code.split("/", 1)[0] for code in self.code)

    @cached_property
    def index(self) -> dict[str, int]:
        """Column index by code."""
        return {code: j for j, code in enumerate(self.code)}

    @cached_property
    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Exclusive groups in order of first appearance: name -> ascending column indices of its members."""
        found: dict[str, list[int]] = {}
        for j, name in enumerate(self.group):
            if name is not None:
                found.setdefault(name, []).append(j)
        return {name: np.asarray(columns, dtype=np.int64) for name, columns in found.items()}

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """Ascending indices of the columns in no exclusive group."""
        return np.asarray([j for j, name in enumerate(self.group) if name is None], dtype=np.int64)

    @cached_property
    def free_by_system(self) -> dict[str, NDArray[np.int64]]:
        """The free columns of each code system in order of first appearance: name -> ascending column indices."""
        found: dict[str, list[int]] = {}
        for j in self.free:
            found.setdefault(self.system[j], []).append(int(j))
        return {system: np.asarray(columns, dtype=np.int64) for system, columns in found.items()}

    def write(self, path: Path) -> None:
        """Write `vocabulary.parquet`."""
        columns: list[Sequence[object]] = [range(len(self)), self.code, self.description, self.system, self.group]
        arrays = [pa.array(list(values), field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path)

    @staticmethod
    def read(path: Path) -> "Vocabulary":
        """Read `vocabulary.parquet`; raises BadData where the schema is another."""
        table = pq.read_table(path)
        if table.schema.names != SCHEMA.names:
            raise BadData(f"{path}: expected the columns {SCHEMA.names}, found {table.schema.names}.")
        rows = table.sort_by("index").to_pydict()
        return Vocabulary(tuple(rows["code"]), tuple(rows["description"]), tuple(rows["group"]))
