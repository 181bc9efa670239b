"""Patients as sequences, in full precision so that figures can be compared."""

import pytest

from synthehr.cohort.cohort import Cohort
from synthehr.models.transformer import likelihood
from synthehr.models.transformer.sequences import Layout, Sequences


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "BF16", False)


@pytest.fixture
def parts(cohort: Cohort, full_precision: None) -> tuple[Layout, Sequences, Sequences]:
    """Layout, training and validation patients."""
    layout = Layout.of(cohort.part("train"))
    return layout, layout.encode(cohort.part("train")), layout.encode(cohort.part("validation"))
