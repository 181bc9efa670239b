"""Exact nearest neighbours against faiss alone, engine by engine, and the memory a million records take.

    python -m benchmarks.neighbours --json benchmarks/results/neighbours.json

Simulated records of 920 codes, about 4 a patient (the size of Diabetes-130). faiss alone is IndexBinaryFlat, add and
search, over bits packed before the clock starts, in the 128-byte rows it is fastest with, and the same search without
an index; ours starts from the sparse records. Rivals take turns, three rounds; a ratio is taken within a round and the
median of rounds is shown. Peak memory is that of a process of its own. Linux only, as /proc is.

More than one thread needs an idle machine: the index waits for all its threads after every 32 queries, and on busy
cores that can be several times its work. The load is therefore written beside the figures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.leaks.population import world_of
from privacy.membership.neighbours import rarity_weights
from privacy.neighbours import nearest, packed
from synthehr.landing import versions

CODES, K, ROUNDS = 920, 2, 3
DRAWN_AT_ONCE = 20_000
ENGINES = ("faiss", "product", "torch")

Found = tuple[NDArray[Any], NDArray[Any]]
Searches = dict[str, Callable[[], Found]]


def patients(n: int) -> sparse.csr_matrix:
    """So many simulated patients, drawn in blocks: dense, a million would take 8 GB."""
    world = world_of(0, 1, 1, 1, codes=CODES)
    blocks = [min(DRAWN_AT_ONCE, n - start) for start in range(0, n, DRAWN_AT_ONCE)]
    return sparse.vstack([sparse.csr_matrix(world.population.draw(b, world.rng)) for b in blocks], format="csr")


def faiss_alone(queries: NDArray[np.uint8], base: NDArray[np.uint8], threads: int) -> Found:
    """What somebody who has packed bits writes."""
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexBinaryFlat(base.shape[1] * 8)
    index.add(base)
    return index.search(queries, K)


def faiss_without_index(queries: NDArray[np.uint8], base: NDArray[np.uint8], threads: int) -> Found:
    """The same without the index."""
    faiss.omp_set_num_threads(threads)
    return faiss.knn_hamming(queries, base, K)


def in_turns(searches: Searches, against: str) -> dict[str, Any]:
    """Seconds of each search in each round, wall and CPU, and its ratios to one of them; results must be equal."""
    load = round(os.getloadavg()[0], 1)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in searches}
    first: dict[np.dtype[Any], Found] = {}
    for _ in range(ROUNDS):
        for name, search in searches.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found = search()
            spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            # whole numbers and weighted sums each have their own type
            for one, other in zip(found, first.setdefault(found[0].dtype, found), strict=True):
                np.testing.assert_array_equal(one, other)
    rows = {name: _row(seconds, spent[against]) for name, seconds in spent.items()}
    return {"load_before": load, "ratios_to": against, "searches": rows}


def _row(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for k, clock in enumerate(("wall", "cpu")):
        row[f"{clock}_s"] = [round(seconds[k], 3) for seconds in ours]
        ratios = [one[k] / other[k] for one, other in zip(ours, theirs, strict=True)]
        row[f"{clock}_ratio"] = round(statistics.median(ratios), 3)
    return row


def against_faiss(n: int, threads: int) -> dict[str, Any]:
    """`nearest` by faiss and by the product, against faiss alone."""
    records = patients(2 * n)
    queries, base = records[:n], records[n:]
    bits = packed(queries), packed(base)
    searches: Searches = {
        "faiss alone": lambda: faiss_alone(*bits, threads),
        "faiss alone, no index": lambda: faiss_without_index(*bits, threads),
        "nearest, faiss": lambda: nearest(queries, base, K, engine="faiss", threads=threads),
        "nearest, product": lambda: nearest(queries, base, K, engine="product", threads=threads),
    }
    return {"queries": n, "base": n, "threads": threads, **in_turns(searches, "faiss alone")}


def engines(n: int, threads: int) -> dict[str, Any]:
    """Every engine on the CPU, in Hamming and in rarity-weighted distance."""
    records = patients(2 * n)
    queries, base = records[:n], records[n:]
    weights = rarity_weights(base)
    searches: Searches = {}
    for engine in ENGINES:
        asked: dict[str, Any] = {"engine": engine, "threads": threads, "device": "cpu"}
        searches[engine] = lambda asked=asked: nearest(queries, base, K, **asked)
        if engine != "faiss":
            searches[f"{engine}, weighted"] = lambda asked=asked: nearest(queries, base, K, weights=weights, **asked)
    return {"queries": n, "base": n, "threads": threads, **in_turns(searches, "faiss")}


def memory(n_queries: int, n_base: int) -> dict[str, Any]:
    """Peak memory of a search by each engine in a process of its own."""
    found: dict[str, Any] = {"queries": n_queries, "base": n_base, "threads": 1, "engines": {}}
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("queries.npz", "base.npz")]
        for file, n in zip(files, (n_queries, n_base), strict=True):
            sparse.save_npz(file, patients(n), compressed=False)
        for engine in ENGINES:
            child = subprocess.run(
                [sys.executable, "-m", "benchmarks.neighbours", "--child", engine, *files],
                capture_output=True,
                text=True,
                check=True,
            )
            found["engines"][engine] = json.loads(child.stdout)
    return found


def child(engine: str, queries: str, base: str) -> None:
    """Print the peak before and after the search. The peak before holds the records and the imports."""
    sides = sparse.load_npz(queries), sparse.load_npz(base)
    asked: dict[str, Any] = {"engine": engine, "device": "cpu"}
    nearest(sides[0][:10], sides[1][:10], K, **asked)
    before, start = peak_mib(), time.perf_counter()
    nearest(*sides, K, **asked)
    seconds = time.perf_counter() - start
    peak = peak_mib()
    print(
        json.dumps({"before_mib": before, "peak_mib": peak, "search_mib": peak - before, "wall_s": round(seconds, 2)})
    )


def peak_mib() -> int:
    """Peak resident memory of this program: getrusage's also has that of the process it was started from."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024)


def main() -> None:
    """Measure, print and write one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true", help="a tenth of each size: does it run?")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(*given.child)
    part = 10 if given.small else 1
    document: dict[str, Any] = {
        "codes": CODES,
        "codes_a_record": round(patients(10_000).nnz / 10_000, 2),
        "k": K,
        "rounds": ROUNDS,
        "versions": versions(),
    }
    sections: dict[str, Callable[[], dict[str, Any]]] = {
        "against_faiss_1_thread": lambda: against_faiss(50_000 // part, 1),
        "million": lambda: memory(1_000, 1_000_000 // part),
        "engines": lambda: engines(20_000 // part, 1),
        "against_faiss_2_threads": lambda: against_faiss(50_000 // part, 2),
    }
    for name, measured in sections.items():
        document[name] = measured()
        print(json.dumps({name: document[name]}, indent=1), flush=True)
        if given.json:  # after each: on busy cores the last may not end
            given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
