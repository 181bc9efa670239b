"""What an events landing holds: the MEDS 0.4 schemas, as Arrow and as the words of its metadata."""

import pyarrow as pa

MEDS_VERSION = "0.4.1"

# visit_id is a source column (the encounter); time is null for static facts and where the source has no dates
EVENTS = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        pa.field("text_value", pa.large_string()),
        pa.field("visit_id", pa.int64()),
    ]
)
CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)
# facts of a person rather than findings: they become the exclusive groups of a cohort
EXCLUSIVE = {"SEX": "sex", "AGE": "age", "RACE": "race"}


def system(code: str) -> str:
    """Code system: what stands before the first slash."""
    return code.split("/", 1)[0]
