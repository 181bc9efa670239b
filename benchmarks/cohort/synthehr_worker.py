"""Ours: from the events landing to a cohort landing, on processes: EVENTS OUT PROCESSES."""

import functools
import sys
from pathlib import Path


def main() -> None:
    """Imports are in here, since a worker of the pool reads this file too."""
    from pipelines.executor import map_shards
    from synthehr.cohort.build import build_cohort

    events, out, processes = sys.argv[1:]
    build_cohort(Path(events), Path(out), executor=functools.partial(map_shards, processes=int(processes)))


if __name__ == "__main__":
    main()
