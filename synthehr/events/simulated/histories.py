"""From what the people of the embedded cohort have to what their records say: encounters, and the events in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthehr.events.simulated.diseases import Disease, drugs
from synthehr.events.simulated.population import RACES, Population

DAY = 86_400_000_000  # microseconds
HOUR = DAY // 24
START = int(np.datetime64("2001-01-01", "us").astype(np.int64))
STATIC = int(np.iinfo(np.int64).min)  # the null time of numpy and Arrow
MOST_ENCOUNTERS = 20
CHRONIC_AGAIN, ACUTE_AGAIN, DRUG_AGAIN = 0.6, 0.1, 0.5  # share of later encounters that record it again
NEVER = MOST_ENCOUNTERS

Text = NDArray[np.object_]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Encounters:
    """All encounters, patient by patient.

    number, start: (n,) how many a patient has and where the first stands. patient, admitted, discharged, gap:
    (n_encounters,), times in microseconds since 1970, gap in days to the patient's next encounter, or -1.
    """

    number: Positions
    start: Positions
    patient: Positions
    admitted: Positions
    discharged: Positions
    gap: Positions


@dataclass(frozen=True)
class Records:
    """Events as columns: patient, code, time (microseconds or STATIC), encounter (or -1)."""

    patient: Positions
    code: Text
    time: Positions
    encounter: Positions


def histories(people: Population, catalogue: Sequence[Disease], rng: np.random.Generator) -> pa.Table:
    """Events of all people in no particular order: subject_id from 1, time, code, text_value, visit_id from 1."""
    visits = _encounters(people, rng)
    diagnoses, first = _diagnoses(people, catalogue, visits, rng)
    parts = [*_facts(people, visits), diagnoses, _prescriptions(people, catalogue, visits, first, rng)]
    parts += [_outcome(visits, soon=True), _outcome(visits, soon=False)]
    patient, time, encounter = (
        np.concatenate([getattr(p, c) for p in parts]) for c in ("patient", "time", "encounter")
    )
    code = np.concatenate([part.code for part in parts])
    return pa.table(
        {
            "subject_id": pa.array(patient + 1),
            "time": pa.array(time.astype("datetime64[us]")),
            "code": pa.array(code, pa.string()),
            "numeric_value": pa.nulls(len(code), pa.float32()),
            "text_value": pa.nulls(len(code), pa.string()),
            "visit_id": pa.array(encounter + 1, mask=encounter < 0),
        }
    )


def _encounters(people: Population, rng: np.random.Generator) -> Encounters:
    """The frail and the ill come more often and sooner again."""
    n = len(people.age)
    burden = np.exp(-1.1 + 0.45 * people.frailty + 0.08 * people.has.sum(axis=1))
    number = np.minimum(1 + rng.poisson(np.minimum(burden, MOST_ENCOUNTERS)), MOST_ENCOUNTERS)
    start = np.concatenate([[0], np.cumsum(number)[:-1]])
    patient = np.repeat(np.arange(n), number)
    stay = 1 + rng.poisson(3.0, len(patient))
    soon = rng.random(len(patient)) < 1 / (1 + np.exp(1.5 - 0.6 * people.frailty[patient]))
    later = 30 + rng.exponential(200, len(patient)).astype(np.int64)
    gap = np.where(soon, rng.integers(1, 30, len(patient)), later)
    elapsed = np.cumsum(stay + gap) - (stay + gap)  # days since the first admission of anybody
    day = rng.integers(0, 5 * 365, n)[patient] + elapsed - elapsed[start][patient]
    admitted = START + day * DAY + rng.integers(0, 24, len(patient)) * HOUR
    gap[start + number - 1] = -1
    return Encounters(number, start, patient, admitted, admitted + stay * DAY, gap)


def _facts(people: Population, visits: Encounters) -> list[Records]:
    """Sex and race once for each patient, without a time; the age band at each encounter."""
    known = np.flatnonzero(people.race < RACES.index(""))
    sex = np.array(["SEX/male", "SEX/female"], dtype=object)[people.female.astype(np.int64)]
    race = np.array([f"RACE/{name}" for name in RACES], dtype=object)[people.race[known]]
    since = (visits.admitted - visits.admitted[visits.start][visits.patient]) / DAY / 365.25
    bands = np.array([f"AGE/{low}-{low + 10}" for low in range(0, 90, 10)] + ["AGE/90+"], dtype=object)
    age = bands[np.minimum((people.age[visits.patient] + since) // 10, 9).astype(np.int64)]
    everywhere = Records(visits.patient, age, visits.admitted, np.arange(len(visits.patient)))
    return [_static(np.arange(len(people.age)), sex), _static(known, race), everywhere]


def _static(patient: Positions, code: Text) -> Records:
    return Records(patient, code, np.full(len(patient), STATIC), np.full(len(patient), -1))


def _diagnoses(
    people: Population, catalogue: Sequence[Disease], visits: Encounters, rng: np.random.Generator
) -> tuple[Records, NDArray[np.int8]]:
    """Diagnoses at admission, and (n, n_diseases) which encounter of the patient is the first to record each."""
    patient, disease = np.nonzero(people.has)
    chronic = np.array([d.chronic for d in catalogue])
    early = rng.random(len(patient)) ** (1 + chronic[disease])  # what is chronic tends to be known from the start
    nth = (early * visits.number[patient]).astype(np.int64)
    first = np.full(people.has.shape, NEVER, dtype=np.int8)
    first[patient, disease] = nth
    written = _spelled(catalogue, disease, rng)
    again = np.where(chronic, CHRONIC_AGAIN, ACUTE_AGAIN)[disease]
    row, encounter = _recorded(visits, patient, nth, again, rng)
    return Records(patient[row], written[row], visits.admitted[encounter], encounter), first


def _spelled(catalogue: Sequence[Disease], disease: Positions, rng: np.random.Generator) -> Text:
    """The code that each patient's disease is written as: the k-th of its category with a weight of 1/k^2."""
    most = max(len(d.codes) for d in catalogue)
    weights = np.array([[1 / (k + 1) ** 2 if k < len(d.codes) else 0 for k in range(most)] for d in catalogue])
    passed = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)[:, :-1]  # (n_diseases, most - 1)
    which = (rng.random(len(disease))[:, None] > passed[disease]).sum(axis=1)
    codes = np.array([[f"ICD9CM/{d.codes[min(k, len(d.codes) - 1)]}" for k in range(most)] for d in catalogue], object)
    return np.asarray(codes[disease, which], dtype=object)


def _recorded(
    visits: Encounters, patient: Positions, first: Positions, again: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Positions, Positions]:
    """Rows and encounters of what is recorded at a patient's first-th encounter, and at later ones by chance."""
    later = visits.number[patient] - first - 1
    row = np.repeat(np.arange(len(patient)), later)
    after = np.arange(len(row)) - np.repeat(np.cumsum(later) - later, later) + 1
    at_first = visits.start[patient] + first
    kept = rng.random(len(row)) < again[row]
    rows = np.concatenate([np.arange(len(patient)), row[kept]])
    return rows, np.concatenate([at_first, (at_first[row] + after)[kept]])


def _prescriptions(
    people: Population,
    catalogue: Sequence[Disease],
    visits: Encounters,
    first: NDArray[np.int8],
    rng: np.random.Generator,
) -> Records:
    """Drugs, hours after the admission that first records what they are for, or at any encounter if for nothing."""
    position = {disease.category: j for j, disease in enumerate(catalogue)}
    patient, drug = np.nonzero(people.takes)
    since = np.stack([first[:, [position[c] for c in shares]].min(axis=1) for _, shares, _ in drugs()], axis=1)
    reason = since[patient, drug].astype(np.int64)
    anywhere = (rng.random(len(patient)) * visits.number[patient]).astype(np.int64)
    nth = np.where(reason == NEVER, anywhere, reason)
    row, encounter = _recorded(visits, patient, nth, np.full(len(patient), DRUG_AGAIN), rng)
    names = np.array([f"DRUG/{name}" for name, _, _ in drugs()], dtype=object)
    time = visits.admitted[encounter] + rng.integers(1, 24, len(row)) * HOUR
    return Records(patient[row], names[drug[row]], time, encounter)


def _outcome(visits: Encounters, *, soon: bool) -> Records:
    """Whether the patient came again, within 30 days or after, told at discharge."""
    encounter = np.flatnonzero((visits.gap >= 0) & ((visits.gap < 30) == soon))
    code = "OUTCOME/readmitted_within_30_days" if soon else "OUTCOME/readmitted_after_30_days"
    said = np.full(len(encounter), code, dtype=object)
    return Records(visits.patient[encounter], said, visits.discharged[encounter], encounter)
