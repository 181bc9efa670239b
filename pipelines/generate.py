"""Generate: a run in, a synthetic cohort out, in shards: a million patients need no more memory than one shard."""

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipelines.executor import map_shards
from synthehr.cohort.matrix import CodeMatrix, write_matrix
from synthehr.errors import BadRequest
from synthehr.landing import check_landing, land, read_manifest, source_hash
from synthehr.models.generator import Generator
from synthehr.models.registry import load_run
from synthehr.progress import Progress, silent

SHARD = 16_384


@dataclass(frozen=True)
class Shard:
    """Patients `first` to `first + rows - 1` of a synthetic cohort: all that decides a shard's bytes."""

    run: Path
    run_hash: str
    folder: Path
    number: int
    first: int
    rows: int
    seed: int


def asked(run: Path, *, patients: int, seed: int) -> dict[str, Any]:
    """What a synthetic cohort of this request says of itself: kind, config and made_from of its manifest."""
    trained = read_manifest(run, "run")
    config = {"model": trained.config["model"], "patients": patients, "seed": seed, "shard": SHARD}
    return {
        "kind": "synthetic",
        "config": config,
        "made_from": {"run": source_hash(run), "cohort": trained.made_from["cohort"]},
    }


def generate(
    run: Path,
    out: Path,
    *,
    patients: int,
    seed: int,
    processes: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw `patients` synthetic patients from a run and write the `synthetic` landing at `out`.

    Ids are -1, -2, ... in order. A shard depends on (seed, its number) alone: the bytes are the same for one process
    and many, and for any number of cores. The run's ledger comes along, so that no release is without one.

    Raises:
        IncompleteLanding: no run there. BadRequest: patients < 1.
    """
    if patients < 1:
        raise BadRequest(f"generate needs at least 1 patient. Got {patients} instead.")
    check_landing(run, "run")
    request = asked(run, patients=patients, seed=seed)
    with land(out, **request) as folder:
        (folder / "data").mkdir()
        for name in ("vocabulary.parquet", "ledger.json"):
            shutil.copyfile(run / name, folder / name)
        shards = [
            Shard(run, request["made_from"]["run"], folder, k, first, min(SHARD, patients - first), seed)
            for k, first in enumerate(range(0, patients, SHARD))
        ]
        done = 0
        progress("generate", 0, patients, "patients")
        for rows in map_shards(write_shard, shards, processes=processes):
            done += rows
            progress("generate", done, patients, "patients")
    return {"synthetic": str(out), "patients": patients, "shards": len(shards), "seed": seed}


def write_shard(shard: Shard) -> int:
    """Sample and write one shard; its number of rows."""
    generator = _generator(shard.run, shard.run_hash)
    rng = np.random.default_rng([shard.seed, shard.number])
    counts = on_one_thread(lambda: generator.sample(shard.rows, rng=rng))
    ids = -np.arange(shard.first + 1, shard.first + shard.rows + 1, dtype=np.int64)
    matrix = CodeMatrix(counts, ids, generator.vocabulary)
    _check_groups(matrix, generator.name)
    note = {"synthetic": "true", "generator": generator.name, "run": shard.run_hash}
    path = shard.folder / "data" / f"synthetic-{shard.number:05d}.parquet"
    write_matrix(path, matrix, id_name="synthetic_id", metadata=note)
    return shard.rows


@functools.lru_cache(maxsize=1)
def _generator(run: Path, run_hash: str) -> Generator:
    return load_run(run)


def on_one_thread(draw: Callable[[], sparse.csr_matrix]) -> sparse.csr_matrix:
    """Run `draw` on one core, as a worker of a pool does: the order of a sum must not depend on the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return draw()
    finally:
        torch.set_num_threads(threads)


def _check_groups(matrix: CodeMatrix, model: str) -> None:
    for name, columns in matrix.vocabulary.groups.items():
        members = matrix.binary()[:, columns].sum(axis=1)
        if np.any(members != 1):
            raise AssertionError(f"{model} broke its promise: {name} must have one member set in every patient.")
