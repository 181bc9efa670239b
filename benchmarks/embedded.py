"""The embedded cohort at the width of MIMIC-III, over a public list of codes: for trainings under a budget.

    python -m benchmarks.embedded OUT [--patients 71570] [--seed 0]

Writes OUT/events, OUT/codes.txt and OUT/cohort. The list holds all that the simulation can give a patient, whether it
gave it or not: 960 categories of ICD-9-CM, the drugs, the outcomes, sexes, ages and races.
"""

import argparse
from pathlib import Path

from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.events.simulated.diseases import diseases, drugs
from synthehr.events.simulated.simulate import simulate_events

DISEASES = 960
GROUPS = {
    "SEX": ("female", "male"),
    "AGE": (*(f"{age}-{age + 10}" for age in range(0, 90, 10)), "90+"),
    "RACE": ("asian", "black", "hispanic", "other", "unknown", "white"),
    "OUTCOME": ("readmitted_after_30_days", "readmitted_within_30_days"),
}


def public_codes() -> list[str]:
    """All codes that a simulated patient can have, rolled up as the cohort is."""
    groups = [f"{system}/{member}" for system, members in GROUPS.items() for member in members]
    of_diseases = [f"ICD9CM/{disease.category}" for disease in diseases(DISEASES)]
    return [*groups, *of_diseases, *(f"DRUG/{name}" for name, *_ in drugs())]


def main() -> None:
    """Simulate, list, build; print how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=int, default=71_570)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    simulate_events(asked.out / "events", n_patients=asked.patients, seed=asked.seed, n_diseases=DISEASES)
    codes = asked.out / "codes.txt"
    codes.write_text("\n".join(public_codes()) + "\n", encoding="utf-8")
    build_cohort(
        asked.out / "events", asked.out / "cohort", options=CohortOptions(seed=asked.seed, vocabulary=str(codes))
    )
    train = read_cohort(asked.out / "cohort").part("train")
    occurring = int((train.prevalence() > 0).sum())
    print(
        f"{len(train):,} training patients, {len(train.vocabulary):,} columns, {occurring:,} of them occur, "
        f"{train.codes_per_patient().mean():.1f} codes a patient"
    )


if __name__ == "__main__":
    main()
