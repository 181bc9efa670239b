"""The cohort in the source's own schema, so that a query moves unchanged from the synthetic to the real data."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.landing import read_manifest, write_text
from synthehr.release.source.dates import NOMINAL
from synthehr.release.source.omop import write_omop
from synthehr.release.source.synthea import write_synthea

README = "README.md"
TITLES = {"omop": "OMOP CDM 5.4", "synthea": "Synthea CSV"}
_USE = {
    "omop": """
`omop/*.parquet` is a file a table. In DuckDB, from this folder: `SELECT count(*) FROM 'omop/person.parquet'`. In ATLAS,
after `pip install "duckcdm[server]"`:

    duckcdm views omop cdm.duckdb --materialize
    duckcdm serve SYNTHETIC=cdm.duckdb --achilles

CONCEPT and CONCEPT_ANCESTOR hold the concepts of this cohort and those above them, not a whole vocabulary;
CONCEPT_RELATIONSHIP is empty. A concept stands in the one table in which the source had it most often.
""",
    "synthea": """
`synthea/*.csv` has the columns of Synthea's exporter; those that the cohort does not say are empty. A code stands in
the one file in which the source had it most often.
""",
}


def write_source(
    folder: Path, *, events: Path | None, shards: Sequence[Path], vocabulary: Path, stamp: Mapping[str, str]
) -> str | None:
    """Write the cohort under `folder` in the schema of its source, if that is one that is written here; its name.

    events: landing of the source, which says what the schema is and where each code stood; None where it is not at
    hand. shards: of the code matrix; vocabulary: its file. `omop`: `folder/omop/*.parquet`, stamped; `synthea`:
    `folder/synthea/*.csv`; both beside `folder/README.md`. `meds`: nothing is written, for the bundle's `events/` is
    that schema. None, and no folder, for any other source. Same inputs, same bytes.

    Raises:
        IncompleteLanding: no complete landing at `events`. BadData: a shard cannot be read. OSError: the disk is full.
    """
    schema = None if events is None else str(read_manifest(events, "events").config.get("mapping"))
    if events is None or schema not in ("meds", *TITLES):
        return None
    if schema == "meds":
        return schema
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / ".scratch"
    known = Vocabulary.read(vocabulary)
    if schema == "omop":
        write_omop(folder / schema, events=events, shards=shards, vocabulary=known, stamp=stamp, scratch=scratch)
    else:
        write_synthea(folder / schema, events=events, shards=shards, vocabulary=known, scratch=scratch)
    shutil.rmtree(scratch)
    write_text(folder / README, _readme(schema))
    return schema


def _readme(schema: str) -> str:
    return f"""# The cohort as {TITLES[schema]}

**Synthetic.** No row of these files is a real patient; ids are negative. The schema is that of the source, so that a
query that runs here runs on the real data as it stands.

**Dates are nominal.** {NOMINAL}
{_USE[schema]}"""
