"""Databases of the bundle's own schema, one a sample of patients.

Tables, views and macros are those of the synthetic cohort's database, for real samples too: so `patients_wide` has the
same columns everywhere, and they are what a researcher sees. Only the rows are exchanged.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix, write_matrix
from synthehr.events.engine import engine, literal
from synthehr.release.database import write_database

OF_PATIENTS = ("patients", "codes", "matrix")  # tables with a row a patient, or several


def deal(subjects: NDArray[np.int64], parts: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Row positions of `parts` disjoint samples, in random order; all rows of a subject are in one."""
    who, rows = np.unique(subjects, return_inverse=True)
    place = rng.permutation(len(who)) % parts
    return [rng.permutation(np.flatnonzero(place[rows] == k)) for k in range(parts)]


def write_samples(
    folder: Path, real: Sequence[CodeMatrix], synthetic: Sequence[CodeMatrix]
) -> tuple[list[Path], list[Path]]:
    """A database a sample, in an existing folder: those of real and those of synthetic patients.

    Samples have as many patients each. Their ids are exchanged for -1, -2 ... in the order given, so no real id is
    written. What is not the samples' own is removed before this returns.
    """
    whole = {"real": _whole(folder / "real", real), "synthetic": _whole(folder / "synthetic", synthetic)}
    empty = folder / "empty.duckdb"
    shutil.copyfile(whole["synthetic"], empty)  # blocks that are freed keep their bytes: so of no real patient
    _execute(folder, empty, [f"DELETE FROM sample.{table}" for table in OF_PATIENTS])
    found = {}
    for side, parts in (("real", real), ("synthetic", synthetic)):
        found[side] = [folder / f"{side}-{k}.duckdb" for k in range(len(parts))]
        for k, target in enumerate(found[side]):
            shutil.copyfile(empty, target)
            _fill(folder, target, whole[side], first=k * len(parts[k]), n=len(parts[k]))
        shutil.rmtree(whole[side].parent)
    empty.unlink()
    return found["real"], found["synthetic"]


def _whole(folder: Path, parts: Sequence[CodeMatrix]) -> Path:
    """The patients of all samples in one database, with the ids -1, -2 ... in order of the samples."""
    folder.mkdir()
    vocabulary = parts[0].vocabulary
    vocabulary.write(folder / "vocabulary.parquet")
    shards, start = [], 0
    for k, part in enumerate(parts):
        ids = -np.arange(start + 1, start + len(part) + 1, dtype=np.int64)
        shards.append(folder / f"{k}.parquet")
        write_matrix(shards[-1], CodeMatrix(part.counts, ids, vocabulary), id_name="synthetic_id")
        start += len(part)
    target = folder / "whole.duckdb"
    about = {"name": "a sample, for comparison; it is removed afterwards"}
    write_database(target, shards=shards, vocabulary=folder / "vocabulary.parquet", about=about, scratch=folder)
    return target


def _fill(folder: Path, target: Path, whole: Path, *, first: int, n: int) -> None:
    chosen = f"synthetic_id BETWEEN {-first - n} AND {-first - 1}"
    rows = f"SELECT * REPLACE (synthetic_id + {first} AS synthetic_id)"
    attach = f"ATTACH {literal(str(whole))} AS whole (READ_ONLY)"
    filled = [f"INSERT INTO sample.{table} {rows} FROM whole.{table} WHERE {chosen}" for table in OF_PATIENTS]
    _execute(folder, target, [attach, *filled])


def _execute(folder: Path, database: Path, statements: Sequence[str]) -> None:
    with engine(folder) as connection:
        connection.execute(f"ATTACH {literal(str(database))} AS sample")
        for statement in statements:
            connection.execute(statement)
        connection.execute("CHECKPOINT sample")
