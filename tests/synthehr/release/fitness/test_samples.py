from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.cohort.matrix import CodeMatrix
from synthehr.release import views
from synthehr.release.fitness.samples import deal, write_samples

Population = Callable[..., CodeMatrix]


@given(subjects=st.lists(st.integers(0, 12), max_size=60), parts=st.integers(1, 6), seed=st.integers(0, 9))
def test_everybody_is_in_one_sample_with_all_that_is_his(subjects: list[int], parts: int, seed: int) -> None:
    whose = np.array(subjects, dtype=np.int64)
    dealt = deal(whose, parts, np.random.default_rng(seed))
    assert sorted(np.concatenate(dealt)) == list(range(len(whose)))
    people = [set(whose[part]) for part in dealt]
    assert sum(len(found) for found in people) == len(set(subjects))
    assert max(map(len, people)) - min(map(len, people)) <= 1


@pytest.fixture
def databases(population: Population, tmp_path: Path) -> tuple[list[Path], list[Path]]:
    """Of 40 real patients all have the rare code, of the synthetic ones none."""
    sides = [
        [matrix.rows(np.arange(k, 40, 2)) for k in range(2)] for matrix in (population(n=40, rare=40), population(n=40))
    ]
    return write_samples(tmp_path, *sides)


def ask(database: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_each_has_its_own_patients_and_nothing_else_stands(
    databases: tuple[list[Path], list[Path]], population: Population, tmp_path: Path
) -> None:
    real, synthetic = databases
    assert sorted(tmp_path.iterdir()) == sorted([*real, *synthetic])
    for k, (ours, theirs) in enumerate(zip(real, synthetic, strict=True)):
        ids = "SELECT min(synthetic_id), max(synthetic_id), count(*) FROM {}"
        assert all(
            ask(file, ids.format(table)) == [(-20, -1, 20)]
            for file in (ours, theirs)
            for table in ("patients", "matrix")
        )
        sex = "male" if k else "female"  # sexes come in turn
        assert ask(ours, "SELECT DISTINCT sex FROM patients") == [(sex,)]
        rare = 'SELECT sum("X/RARE") FROM patients_wide'
        assert (ask(ours, rare), ask(theirs, rare)) == ([(20,)], [(0,)])
        listed = "SELECT codes, counts FROM matrix ORDER BY synthetic_id DESC"
        counts = population(n=40, rare=40).counts[k::2]
        assert ask(ours, listed) == [(list(row.indices), list(row.data)) for row in counts]


def test_the_wide_view_has_the_columns_of_the_synthetic_cohort(
    population: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a query by column would run on one sample and not on another."""
    monkeypatch.setattr(views.wide_codes, "__defaults__", (2,))  # columns for the two commonest codes alone
    real, synthetic = write_samples(tmp_path, [population(n=40, rare=40)], [population(n=40)])
    for file in (*real, *synthetic):
        with duckdb.connect(str(file), read_only=True) as connection:
            columns = [name for name, *_ in connection.execute("DESCRIBE patients_wide").fetchall()]
        assert columns[-2:] == ["X/A", "X/B"]
