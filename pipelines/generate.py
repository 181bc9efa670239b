"""Generate: a run in, a synthetic cohort out, in shards: a million patients need no more memory than one shard."""

import functools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipelines.conditional import BLOCK, Acceptance, draw_where
from pipelines.executor import map_shards
from synthehr.cohort.condition import Condition
from synthehr.cohort.matrix import CodeMatrix, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import check_landing, land, read_manifest, source_hash, write_text
from synthehr.models.generator import Trained
from synthehr.models.registry import load_run
from synthehr.progress import Progress, silent

T = TypeVar("T")
SHARD = 8_192


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
    where: str | None = None


def asked(run: Path, *, patients: int, seed: int, where: str | None = None) -> dict[str, Any]:
    """What a synthetic cohort of this request says of itself: kind, config and made_from of its manifest."""
    trained = read_manifest(run, "run")
    config = {"model": trained.config["model"], "patients": patients, "seed": seed, "shard": SHARD}
    if where is not None:  # named only where asked for: a cohort without one is what it was before there were any
        config |= {"where": where, "block": BLOCK}
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
    where: str | None = None,
    processes: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw `patients` synthetic patients from a run and write the `synthetic` landing at `out`.

    Ids are -1, -2, ... in order. A shard depends on (seed, its number) alone: the bytes are the same for one process
    and many, and for any number of cores. The run's ledger comes along, so that no release is without one.
    where: a condition (`synthehr.cohort.condition`) that all of them satisfy; how many drawn did is in condition.json.

    Raises:
        IncompleteLanding: no run there. BadRequest: patients < 1; a condition that cannot be read or hardly ever holds.
    """
    if patients < 1:
        raise BadRequest(f"generate needs at least 1 patient. Got {patients} instead.")
    check_landing(run, "run")
    if where is not None:
        Condition.parse(where, Vocabulary.read(run / "vocabulary.parquet"))  # what is wrong with it is said before work
    request = asked(run, patients=patients, seed=seed, where=where)
    found: dict[str, Any] = {}
    with land(out, **request) as folder:
        (folder / "data").mkdir()
        for name in ("vocabulary.parquet", "ledger.json"):
            shutil.copyfile(run / name, folder / name)
        shards = [
            Shard(run, request["made_from"]["run"], folder, k, first, min(SHARD, patients - first), seed, where)
            for k, first in enumerate(range(0, patients, SHARD))
        ]
        acceptance = _write_shards(shards, patients, processes, progress)
        if where is not None:
            found["condition"] = acceptance.as_json(where)
            write_text(folder / "condition.json", json.dumps(found["condition"], indent=1) + "\n")
    return {"synthetic": str(out), "patients": patients, "shards": len(shards), "seed": seed} | found


def _write_shards(shards: Sequence[Shard], patients: int, processes: int | None, progress: Progress) -> Acceptance:
    done, acceptance = 0, Acceptance(0, 0)
    progress("generate", 0, patients, "patients")
    for shard, of_shard in zip(shards, map_shards(write_shard, shards, processes=processes), strict=True):
        done, acceptance = done + shard.rows, acceptance + of_shard
        progress("generate", done, patients, "patients")
    return acceptance


def write_shard(shard: Shard) -> Acceptance:
    """Sample and write one shard; how many were drawn for it, and satisfied its condition."""
    generator = _generator(shard.run, shard.run_hash)
    counts, acceptance = _draw(generator, shard)
    ids = -np.arange(shard.first + 1, shard.first + shard.rows + 1, dtype=np.int64)
    matrix = CodeMatrix(counts, ids, generator.vocabulary)
    _check_groups(matrix, generator.name)
    note = {"synthetic": "true", "generator": generator.name, "run": shard.run_hash}
    if shard.where is not None:
        note["where"] = shard.where
    path = shard.folder / "data" / f"synthetic-{shard.number:05d}.parquet"
    write_matrix(path, matrix, id_name="synthetic_id", metadata=note)
    return acceptance


def _draw(generator: Trained, shard: Shard) -> tuple[sparse.csr_matrix, Acceptance]:
    rng = np.random.default_rng([shard.seed, shard.number])
    if shard.where is None:
        counts = on_one_thread(lambda: generator.sample(shard.rows, rng=rng))
        return counts, Acceptance(shard.rows, shard.rows)
    condition = Condition.parse(shard.where, generator.vocabulary)
    return on_one_thread(lambda: draw_where(generator, condition, shard.rows, rng=rng))


@functools.lru_cache(maxsize=1)
def _generator(run: Path, run_hash: str) -> Trained:
    return load_run(run)


def on_one_thread(draw: Callable[[], T]) -> T:
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
