"""What the tests of sources share: what was ingested as a table, and pandas' own count beside it."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_datetime64_any_dtype

from synthehr.events.ingest import ingest_events

Key = tuple[Hashable, ...]
WHAT = ["subject_id", "time", "code", "visit_id"]


def events_of(landing: Path) -> pd.DataFrame:
    """All events of a landing."""
    return pq.read_table(landing / "data").to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def table(path: Path) -> pd.DataFrame:
    """A CSV as text, column names in lower case."""
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    return found.rename(columns=str.lower)


def frame(**columns: Iterable[object]) -> pd.DataFrame:
    """Events that are expected, from columns of one length; time and visit are missing unless given."""
    given = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    return pd.DataFrame({name: given.get(name) for name in WHAT}).astype(object)


def number(text: str) -> int:
    """The number of an identifier that is none: 62 bits of its MD5."""
    return int.from_bytes(hashlib.md5(text.encode()).digest()[8:], "little") >> 2


def numbers(texts: pd.Series) -> pd.Series:
    """`number` of each."""
    return texts.map({text: number(text) for text in texts.unique()})


def keyed(events: pd.DataFrame) -> Counter[Key]:
    """How often each (subject, time, code, visit) stands there; missing is None, times are of microseconds."""
    given = (
        events["time"] if is_datetime64_any_dtype(events["time"]) else pd.to_datetime(events["time"], format="mixed")
    )
    said = np.datetime_as_string(given.to_numpy("datetime64[us]"), unit="us")
    times = np.where(given.isna(), None, said.astype(object))
    visits = (None if pd.isna(visit) else int(visit) for visit in events["visit_id"].astype(object))
    return Counter(zip(events["subject_id"].astype(int), times, events["code"], visits, strict=True))


def per_patient(events: pd.DataFrame) -> Counter[Key]:
    """How often each patient has each code."""
    return Counter(zip(events["subject_id"].astype(int), events["code"], strict=True))


def differences(found: Mapping[Key, int], expected: Mapping[Key, int]) -> dict[Key, tuple[int, int]]:
    """Where two counts differ: (found, expected), a few of all."""
    unlike = [key for key in {**found, **expected} if found.get(key, 0) != expected.get(key, 0)]
    return {key: (found.get(key, 0), expected.get(key, 0)) for key in unlike[:8]}


def by_system(events: pd.DataFrame) -> dict[str, int]:
    """How many different codes each system has."""
    return events["code"].drop_duplicates().str.split("/").str[0].value_counts().to_dict()


def band(years: int) -> str:
    """The band of an age."""
    return "90+" if years >= 90 else f"{years // 10 * 10}-{years // 10 * 10 + 10}"


def years_between(birth: pd.Series, time: pd.Series) -> pd.Series:
    """Birthdays that had come by then."""
    before = (time.dt.month * 100 + time.dt.day) < (birth.dt.month * 100 + birth.dt.day)
    return time.dt.year - birth.dt.year - before.astype(int)


def icd9(code: str) -> str:
    """An undotted ICD-9-CM diagnosis with its dot."""
    cut = 4 if code.startswith("E") else 3
    return code[:cut] + ("." + code[cut:] if code[cut:] else "")


def icd10(code: str) -> str:
    """An undotted ICD-10-CM code with its dot."""
    return code[:3] + ("." + code[3:] if code[3:] else "")


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    """A copy of a mapping with one thing changed: the tests have to see it."""
    text = (resources.files("synthehr.events") / "mappings" / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "edited.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def read_wrongly(source: Path, folder: Path, name: str, old: str, new: str) -> Counter[Key]:
    """The events of a source by a mapping that is wrong in one thing, however many rows it rejects."""
    wrong = edited(folder, name, old, new)
    wrong.write_text(wrong.read_text().replace("rejected_share = 0.01", "rejected_share = 1.0"))
    ingest_events(source, folder / "events", mapping=wrong)
    return keyed(events_of(folder / "events"))


def assert_same(found: pd.DataFrame, counted: pd.DataFrame) -> None:
    """Every event, every patient's codes and their counts, and the codes of each system are the same."""
    assert not differences(keyed(found), keyed(counted))
    assert not differences(per_patient(found), per_patient(counted))
    assert by_system(found) == by_system(counted)


def set_aside(landing: Path) -> Counter[Key]:
    """(file, row, column, reason) of all that was rejected."""
    rows = pd.read_csv(landing / "rejected" / "rows.csv", dtype=str, keep_default_na=False)
    return Counter(rows.itertuples(index=False, name=None))


def lines(path: Path, rows: Sequence[str]) -> Path:
    """A text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return path
