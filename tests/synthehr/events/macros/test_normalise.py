from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthehr.events.macros.normalise import macros

Sql = Callable[..., object]


@pytest.fixture(scope="module")
def sql() -> Iterator[Sql]:
    connection = duckdb.connect()
    for statement in macros():
        connection.execute(statement)

    def run(macro: str, value: object) -> object:
        row = connection.execute(f"SELECT {macro}(?)", [value]).fetchone()
        assert row is not None
        return row[0]

    yield run
    connection.close()


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("8", "008"),
        ("41", "041"),
        ("250.83", "250.83"),
        ("38.9", "038.9"),
        ("250", "250"),
        ("V45", "V45"),
        ("V45.81", "V45.81"),
        ("v58.6", "V58.6"),
        ("E849", "E849"),
        ("E849.0", "E849.0"),
        (None, None),
        ("E11.9", ""),  # ICD-10
        ("2500", ""),  # undotted
        ("250.", ""),
        ("250.831", ""),
        ("V4", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_dotted_icd9_gets_back_its_leading_zeros(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("icd9cm_dotted", written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("25000", "250.00"),
        ("0380", "038.0"),
        ("042", "042"),
        ("4019", "401.9"),
        ("V4581", "V45.81"),
        ("V08", "V08"),
        ("V090", "V09.0"),
        ("E8490", "E849.0"),
        ("e849", "E849"),
        (None, None),
        ("42", ""),  # a zero is lost: 042 or 420?
        ("250.00", ""),
        ("E84901", ""),
        ("123456", ""),
    ],
)
def test_undotted_icd9_gets_its_dot(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("icd9cm_undotted", written) == code


@pytest.mark.parametrize(
    ("written", "code"), [("3605", "36.05"), ("966", "96.6"), ("66", "66"), ("6", ""), ("36.05", "")]
)
def test_procedures_have_two_digits_before_the_dot(sql: Sql, written: str, code: str) -> None:
    assert sql("icd9proc_undotted", written) == code


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2150-06-14 08:00:00", datetime(2150, 6, 14, 8)),
        ("2150-06-14T08:00:00.5", datetime(2150, 6, 14, 8, 0, 0, 500_000)),
        ("2150-06-14", datetime(2150, 6, 14)),
        ("2020-01-01T10:00:00Z", datetime(2020, 1, 1, 10)),
        ("2020-01-01 10:00:00+02", datetime(2020, 1, 1, 8)),
        ("2020-01-01 10:00:00-0530", datetime(2020, 1, 1, 15, 30)),
        ("2020-02-30", None),
        ("14/06/2020", None),
        ("2020", None),
        ("epoch", None),
        ("infinity", None),
        (None, None),
    ],
)
def test_a_time_is_a_date_or_nothing(sql: Sql, text: str | None, time: datetime | None) -> None:
    assert sql("as_time", text) == time


@pytest.mark.parametrize(
    ("years", "band"),
    [(0, "0-10"), (9, "0-10"), (10, "10-20"), (89, "80-90"), (90, "90+"), (300, "90+"), (-1, ""), (None, None)],
)
def test_everybody_from_ninety_on_is_one_band(sql: Sql, years: int | None, band: str | None) -> None:
    assert sql("age_band", years) == band


def test_drug_names_lose_case_and_spare_spaces(sql: Sql) -> None:
    assert sql("lower_name", "Insulin  Human\tR") == "insulin human r"


@settings(max_examples=60, deadline=None)
@given(st.from_regex(r"([0-9]{3}[0-9]{0,2}|V[0-9]{2,4}|E[0-9]{3,4})", fullmatch=True))
def test_dotting_keeps_every_character_and_is_then_stable(sql: Sql, undotted: str) -> None:
    dotted = str(sql("icd9cm_undotted", undotted))
    assert dotted.replace(".", "") == undotted
    assert sql("icd9cm_dotted", dotted) == dotted
    assert len(dotted.split(".")[0]) == (4 if undotted[0] == "E" else 3)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ICD9CM/25000", "ICD9CM/250.00"),
        ("ICD9CM/250.00", "ICD9CM/250.00"),
        ("ICD9CM/v4581", "ICD9CM/V45.81"),
        ("ICD9CM/E8490", "ICD9CM/E849.0"),
        ("ICD9CM/38.93", ""),  # a procedure, or 038.93 without its zero
        ("ICD9CM/8.45", ""),
        ("ICD9PROC/3605", "ICD9PROC/36.05"),
        ("ICD9PROC/03.31", "ICD9PROC/03.31"),
        ("ICD9PROC/3.31", ""),  # 03.31 without its zero: not 33.1
        ("ICD9PROC/331.0", ""),
        ("ICD10CM/e119", "ICD10CM/E11.9"),
        ("ICD10CM/C7A.00", "ICD10CM/C7A.00"),
        ("ICD10CM/I10.", "ICD10CM/I10"),
        ("ICD10CM/250.00", ""),
        ("ICD10CM/E11.90000", ""),
        ("ICD10PCS/02hv33z", "ICD10PCS/02HV33Z"),
        ("ICD10PCS/02HV33", ""),
        ("ICD10PCS/02OV33Z", ""),  # no letter O in it
        ("SNOMED/38341003", "SNOMED/38341003"),
        ("SNOMED/3834-1", ""),
        ("RXNORM/", ""),
        ("CVX/8", "CVX/08"),
        ("NDC/0002-1433-80", "NDC/00002143380"),
        ("NDC/50242-040-62", "NDC/50242004062"),
        ("NDC/60575-4112-1", "NDC/60575411201"),
        ("NDC/0002143380", "NDC/0002143380"),  # which of the three?
        ("LOINC/2345-7", "LOINC/2345-7"),
        ("ATC/a10ba02", "ATC/A10BA02"),
        ("CPT/99213", "CPT/99213"),
        ("CPT/0001f", "CPT/0001F"),
        ("CPT/j1234", "HCPCS/J1234"),
        ("HCPCS//Hospital stay", "HCPCS//Hospital stay"),
        ("no slash", "no slash"),
        (None, None),
    ],
)
def test_a_code_is_written_as_its_system_is(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("by_system", written) == code
    if code:
        assert sql("by_system", code) == code  # once is enough


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("401.9", "ICD9CM/401.9"),
        ("486", "ICD9CM/486"),
        ("I10", "ICD10CM/I10"),
        ("V62.84", "ICD9CM/V62.84"),
        ("V43.52XA", "ICD10CM/V43.52XA"),
        ("E980.2", "ICD9CM/E980.2"),
        ("E000.1", "ICD9CM/E000.1"),
        ("E87.1", "ICD10CM/E87.1"),
        ("E46", "ICD10CM/E46"),
        ("E119", "ICD10CM/E11.9"),  # no E code of ICD-9-CM is below E800 but E000 to E030
        ("31.1", "ICD9PROC/31.1"),
        ("8.1", ""),
        ("x", ""),
        (None, None),
    ],
)
def test_a_diagnosis_of_either_revision_is_told_by_its_form(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("icd_either", written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ICD10:E11.9", "ICD10CM/E11.9"),
        ("ICD9:250.00", "ICD9CM/250.00"),
        ("ICD9:47.0", "ICD9PROC/47.0"),
        ("DIAG|ICD10CM:I10", "ICD10CM/I10"),
        ("LOINC:2345-7", "LOINC/2345-7"),
        ("SITE/A:b:c", "SITE_A/b:c"),
        ("x", "I2B2/x"),
    ],
)
def test_schemes_of_i2b2_become_systems(sql: Sql, written: str, code: str) -> None:
    assert sql("i2b2_code", written) == code
    assert sql("i2b2_known", written) == (not code.startswith(("SITE", "I2B2")))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("GENDER//F", "SEX/female"),
        ("DIAGNOSIS//ICD//9//25000", "ICD9CM/25000"),
        ("DIAGNOSIS//ICD//10//E119", "ICD10CM/E119"),
        ("PROCEDURE//ICD//10//02HV33Z", "ICD10PCS/02HV33Z"),
        ("PROCEDURE//START//225459", "PROCEDURE//START//225459"),
        ("SNOMED//38341003", "SNOMED/38341003"),
        ("LAB//51498//mg/dL", "LAB//51498//mg/dL"),
        ("ICD9CM/250.00", "ICD9CM/250.00"),
    ],
)
def test_codes_that_meds_extracts_share(sql: Sql, written: str, code: str) -> None:
    assert sql("meds_code", written) == code


@pytest.mark.parametrize(
    ("text", "concept"),
    [("320128", "320128"), ("320128.0", "320128"), ("0", None), ("0.0", None), ("I10", ""), (None, None)],
)
def test_a_concept_is_a_number_and_zero_is_none(sql: Sql, text: str | None, concept: str | None) -> None:
    assert sql("omop_concept", text) == concept


@pytest.mark.parametrize(
    ("text", "band"), [("0", "0-10"), ("89", "80-90"), ("104", "90+"), ("x", ""), ("-1", ""), (None, None)]
)
def test_an_age_that_is_said_is_a_number(sql: Sql, text: str | None, band: str | None) -> None:
    assert sql("age_said", text) == band


@pytest.mark.parametrize(
    ("said", "time"),
    [("2010", "2010-01-01"), ("2010-06", "2010-06-01"), ("2010-06-15T10:00:00Z", "2010-06-15T10:00:00Z")],
)
def test_a_year_or_month_alone_is_its_first_day(sql: Sql, said: str, time: str) -> None:
    assert sql("fhir_time", said) == time
