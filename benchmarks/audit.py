"""The audit of privacy claims by canaries in one run, on correct mechanisms and on planted faults.

    python -m benchmarks.audit [--canaries 1000] [--keys 10] [--json FILE]

Each mechanism is the real one, of `privacy.curator` and `privacy.gradients`; `benchmarks.faults` says what is broken in
it while its ledger claims as if nothing were. The bound is at 95 % confidence. A fault is caught where the bound is
above the claim; a correct mechanism must never be, and its bound is far below: m canaries see no rare events.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import curator, gradients
from privacy.audit.canaries import Audit, most_provable
from synthehr.landing import versions, write_text

Audited = Callable[[str, int, bytes, bytes], Audit]
PARTS: dict[str, tuple[Audited, tuple[str, ...]]] = {
    "curator": (curator.audit_of, tuple(curator.FAULTS)),
    "DP-SGD": (gradients.audit_of, tuple(gradients.SETTINGS)),
}


def key(number: int, purpose: str) -> bytes:
    """32 bytes that anybody can work out: nothing here is for release, and the table can be made again."""
    return hashlib.blake2b(f"{purpose} {number}".encode(), digest_size=32).digest()


def row(part: str, fault: str, canaries: int, keys: int) -> dict[str, Any]:
    """Audits of one fault under several keys: the claim, the bounds, how many are above it."""
    audit_of, _ = PARTS[part]
    start = time.perf_counter()
    found = [audit_of(fault, canaries, key(k, "noise"), key(k, "coins")) for k in range(keys)]
    lower = [one.lower for one in found]
    return {
        "part": part,
        "fault": fault,
        "claim": found[0].claim,
        "delta": found[0].delta,
        "lower_mean": float(np.mean(lower)),
        "lower_min": min(lower),
        "lower_max": max(lower),
        "failed": sum(one.verdict == "FAIL" for one in found),
        "keys": keys,
        "seconds": (time.perf_counter() - start) / keys,
    }


def main() -> None:
    """Audit everything and print a row a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--canaries", type=int, default=1_000)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    print("| part | fault | claim | bound: mean (range) | above the claim | seconds |\n|---|---|---|---|---|---|")
    rows = []
    for part, (_, faults) in PARTS.items():
        for fault in faults:
            rows.append(one := row(part, fault, asked.canaries, asked.keys))
            print(
                f"| {part} | {fault} | {one['claim']:.2f} | {one['lower_mean']:.2f} "
                f"({one['lower_min']:.2f} to {one['lower_max']:.2f}) | {one['failed']} of {one['keys']} | "
                f"{one['seconds']:.1f} |",
                flush=True,
            )
    most = most_provable(asked.canaries, delta=rows[0]["delta"])
    print(f"\n{asked.canaries} canaries cannot refute more than {most:.2f}.")
    if asked.json is not None:
        document = {"canaries": asked.canaries, "most_provable": most, "versions": versions(), "rows": rows}
        write_text(asked.json, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
