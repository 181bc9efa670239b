"""The embedded cohort: MEDS events of a believable population, from a seed, so that the house runs without patients.

It is believable in form (skewed prevalences, comorbidity, age and sex, drugs that follow diagnoses, encounters that
repeat) and says nothing about any real population.
"""

import shutil
from pathlib import Path

import numpy as np

from synthehr.errors import BadRequest
from synthehr.events.engine import engine
from synthehr.events.report import IngestReport
from synthehr.events.simulated.diseases import diseases
from synthehr.events.simulated.histories import histories
from synthehr.events.simulated.population import draw_population
from synthehr.events.write import write_events, write_metadata
from synthehr.landing import land
from synthehr.progress import Progress, silent

N_DISEASES = 480


def simulate_events(
    out: Path,
    *,
    n_patients: int = 20_000,
    seed: int = 0,
    n_diseases: int = N_DISEASES,
    progress: Progress = silent,
) -> IngestReport:
    """Write an `events` landing of n_patients simulated people; the same seed gives the same bytes.

    n_diseases: categories of ICD-9-CM that they can have; with 960 the matrix has the width of MIMIC-III's.

    Raises:
        BadRequest: n_patients < 1, or `out` is something else. OSError: the disk is full.
    """
    if n_patients < 1:
        raise BadRequest(f"The 'n_patients' parameter of simulate_events must be at least 1. Got {n_patients} instead.")
    config = {"mapping": "simulated", "n_patients": n_patients, "seed": seed}
    if n_diseases != N_DISEASES:  # named only where asked for
        config["n_diseases"] = n_diseases
    with land(out, kind="events", config=config, made_from={}) as folder:
        progress("simulate", 0, 2, "steps", "drawing patients and encounters")
        rng = np.random.default_rng(seed)
        catalogue = diseases(n_diseases)
        table = histories(draw_population(n_patients, catalogue, rng), catalogue, rng)
        progress("simulate", 1, 2, "steps", "sorting and writing events")
        with engine(folder / ".work") as connection:
            connection.register("_events", table)
            (folder / "data").mkdir()
            written = write_events(connection, folder / "data" / "00000.parquet")
            codes = [code for (code,) in connection.execute("SELECT DISTINCT code FROM _written").fetchall()]
        write_metadata(folder, dict.fromkeys(codes), dataset=f"Simulated population of {n_patients}, seed {seed}")
        shutil.rmtree(folder / ".work")
        report = IngestReport(mapping="simulated", patients_without_events=0, codes=len(codes), **vars(written))
        report.write(folder)
        progress("simulate", 2, 2, "steps", "done")
    return report
