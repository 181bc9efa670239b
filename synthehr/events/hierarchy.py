"""A hierarchy of codes, where the source has one: which codes stand above those of the events, and how far."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from synthehr.events.engine import engine, literal
from synthehr.events.mapping import Mapping

ANCESTORS = "ancestors.parquet"


def settle_ancestors(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, present: Sequence[str], out: Path
) -> None:
    """Write what the mapping's SQL says of all codes, over views of its tables, if the source has them."""
    if mapping.ancestor and set(mapping.ancestor.tables) <= set(present):
        connection.execute(f"COPY ({mapping.ancestor.sql}) TO {literal(str(out / ANCESTORS))}")


def write_ancestors(settled: Path, metadata: Path) -> None:
    """Write `metadata/ancestors.parquet`: code, ancestor (strings), levels (int32) of the codes in `codes.parquet`.

    One row for each pair, with the fewest levels between them; nothing where the source has no hierarchy.
    """
    if not (settled / ANCESTORS).is_file():
        return
    source, codes = literal(str(settled / ANCESTORS)), literal(str(metadata / "codes.parquet"))
    with engine(settled / ".work") as connection:
        connection.execute(
            f"""COPY (
              SELECT code, ancestor, min(levels) AS levels FROM read_parquet({source})
              SEMI JOIN (SELECT code FROM read_parquet({codes})) USING (code)
              WHERE levels IS NOT NULL GROUP BY code, ancestor ORDER BY code, levels, ancestor
            ) TO {literal(str(metadata / ANCESTORS))}"""
        )
