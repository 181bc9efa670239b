"""Ancestors of concepts: from a code to the nearest of the ancestors that a site lists.

An events landing that was made from OMOP has `metadata/ancestors.parquet`, from the table CONCEPT_ANCESTOR: `code`,
`ancestor` (both `SYSTEM/value`) and `levels` between them (int32, 0 for a code and itself).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthehr.errors import BadData, BadRequest

ANCESTORS = Path("metadata") / "ancestors.parquet"
SCHEMA = {"code": pa.string(), "ancestor": pa.string(), "levels": pa.int32()}


@dataclass(frozen=True)
class Ancestor:
    """The nearest listed ancestor of a code. ambiguous: another one is as near; the smallest code is taken."""

    code: str
    ambiguous: bool


def nearest_ancestors(events: Path, listed: Collection[str]) -> Mapping[str, Ancestor]:
    """Code -> the nearest of its ancestors in `listed`; codes without one are absent, a listed code is its own.

    Raises:
        BadRequest: the landing `events` has no ancestors. BadData: they have another schema.
    """
    path = events / ANCESTORS
    if not path.is_file():
        raise BadRequest(
            f"{events} has no {ANCESTORS}: only an OMOP source with the table CONCEPT_ANCESTOR gives one. Choose "
            "another roll-up, or ingest the vocabulary tables too."
        )
    table = pq.read_table(path)
    if any(name not in table.schema.names or table.schema.field(name).type != kind for name, kind in SCHEMA.items()):
        raise BadData(f"{path}: expected the columns {', '.join(f'{k} {v}' for k, v in SCHEMA.items())}.")
    near = table.filter(pc.is_in(table.column("ancestor"), pa.array(sorted(listed), pa.string())))
    best: dict[str, tuple[int, str, bool]] = {code: (0, code, False) for code in listed}
    for code, ancestor, levels in zip(*(near.column(name).to_pylist() for name in SCHEMA), strict=True):
        found = best.get(code)
        if found is None or levels < found[0]:
            best[code] = (levels, ancestor, False)
        elif levels == found[0] and ancestor != found[1]:
            best[code] = (levels, min(ancestor, found[1]), True)
    return {code: Ancestor(ancestor, ambiguous) for code, (_, ancestor, ambiguous) in best.items()}
