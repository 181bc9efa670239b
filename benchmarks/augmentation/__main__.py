"""Does adding synthetic patients with a rare code help a classifier of that code?

    python -m benchmarks.augmentation COHORT RUN --json FILE [--only full few] [--seeds 0 1 2] [--work FOLDER]
        [--open-place]

Two settings (`Setting`): all training patients, and few of them, where augmentation is claimed to help. In both the
codes are 12 diagnoses chosen by a rule that sees prevalence alone (`choose_codes`); each arm (`ARMS`) fits classifiers
of the code from all other codes and is tested on the same real holdout patients. Scores: AUROC, average precision, and
paired differences from real patients alone and from real patients reweighted, with bootstrap intervals over patients,
codes and seeds.

A record of three diagnoses, one of them out of sight, has an open place: that alone told most of who has a code. So
everybody has one diagnosis out of sight, and the question is whether it is the code (`without_one`; --open-place asks
without).

What is controlled for: the base rate (real patients reweighted or resampled to the same balance), the penalty (each arm
chooses its own; the best in hindsight stands beside it), the number of patients (other real ones in the place of
synthetic ones, where there are any: the ceiling), and the seed of the generator. Not for: the settings of the trees,
which are the same in every arm. FOLDER keeps what was drawn, which a later call uses again; a setting that is not
asked for stays in FILE as it was.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.augmentation.measure import Reached, measure_code, pool_codes, table
from benchmarks.augmentation.scores import resampled
from benchmarks.augmentation.settings import CARRIERS, DRAWN, FEW_OPTIONS, Setting
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.landing import source_hash, versions, write_text

BOOSTED_SEEDS = {"full": 1, "few": 2}  # to how many seeds trees are fitted


def measured(name: str, cohort: Cohort, given: argparse.Namespace, work: Path, document: dict[str, Any]) -> None:
    """Enter a setting into the document, and write it, after each code."""
    setting = Setting(name, cohort, given.run, given.seeds, work=work, open_place=given.open_place)
    times = resampled(setting.test.shape[0], seed=given.seeds[0])
    boosted_seeds = min(BOOSTED_SEEDS[name], len(given.seeds))
    reached: list[Reached] = []
    rows: list[dict[str, Any]] = []
    entry: dict[str, Any] = {
        "seeds": given.seeds,
        "boosted_seeds": boosted_seeds,
        "fitted_on": setting.fitted_on,
        "between": CARRIERS[name],
        "drawn": DRAWN[name],
    }
    if name == "few":
        entry["options"] = FEW_OPTIONS
    document["settings"][f"{name}, open place" if given.open_place else name] = entry
    for code in setting.codes.tolist():
        started = time.monotonic()
        one, row = measure_code(setting, code, times, boosted_seeds=boosted_seeds)
        reached.append(one)
        rows.append(_about(setting, code) | row)
        entry |= {"pooled": pool_codes(reached, rows, seed=given.seeds[0]), "codes": rows}
        write_text(given.json, json.dumps(_rounded(document), indent=1) + "\n")
        print(f"{name}: {rows[-1]['code']}, {time.monotonic() - started:.0f} s", flush=True)
    print(table(entry["pooled"]))


def _about(setting: Setting, code: int) -> dict[str, Any]:
    """A code: its name, how many have it, and how many of those drawn did."""
    vocabulary = setting.train.vocabulary
    name = vocabulary.code[code]
    return {
        "code": name,
        "description": vocabulary.description[code],
        "carriers_in_training": int((setting.train.counts.indices == code).sum()),
        "carriers_fitted_on": [int((given.real.indices == code).sum()) for given in setting.given],
        "carriers_tested": int((setting.test.indices == code).sum()),
        "acceptance": [given.sources.synthetic.acceptance(code).as_json(name) for given in setting.given],
    }


def _rounded(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _rounded(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_rounded(value) for value in part]
    return float(f"{part:.4g}") if isinstance(part, float) else part


def main() -> None:
    """Measure the settings asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=tuple(CARRIERS), default=tuple(CARRIERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--open-place", action="store_true", help="leave all other codes of everybody in sight")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cohort = read_cohort(given.cohort)
    made_from = {name: source_hash(path) for name, path in (("cohort", given.cohort), ("run", given.run))}
    kept = json.loads(given.json.read_text(encoding="utf-8"))["settings"] if given.json.is_file() else {}
    document: dict[str, Any] = {"made_from": made_from, "versions": versions(), "settings": kept}
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for name in given.only:
            measured(name, cohort, given, work, document)


if __name__ == "__main__":
    main()
