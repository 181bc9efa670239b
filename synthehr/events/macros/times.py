"""How raw text becomes a time or an age: SQL macros. A time that is none becomes null, which is then rejected."""

# an offset is worked out here, since DuckDB 1 and 2 differ in what a plain cast does with it
_AS_TIME = """
CASE
  WHEN x[5] = '-' AND x[8] = '-' AND (length(x) = 10 OR (length(x) = 19 AND x[14] = ':' AND x[17] = ':'))
    THEN TRY_CAST(x AS TIMESTAMP)
  WHEN NOT regexp_matches(x, '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN NULL
  WHEN regexp_matches(x, ':[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$')
    THEN make_timestamp(epoch_us(TRY_CAST(x AS TIMESTAMPTZ)))
  ELSE TRY_CAST(x AS TIMESTAMP)
END"""

# FHIR dateTime may be a year or a month alone (https://hl7.org/fhir/R4/datatypes.html#dateTime): its first day
_FHIR_TIME = """
CASE
  WHEN regexp_full_match(x, '[0-9]{4}') THEN x || '-01-01'
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{2}') THEN x || '-01'
  ELSE x
END"""

# ages above 89 are one band, as the HIPAA safe harbour has it (45 CFR 164.514(b)(2)(i)(C))
_AGE_BAND = """
CASE
  WHEN years IS NULL THEN NULL
  WHEN years < 0 THEN ''
  WHEN years >= 90 THEN '90+'
  ELSE CAST(years // 10 * 10 AS VARCHAR) || '-' || CAST(years // 10 * 10 + 10 AS VARCHAR)
END"""

# a birth that is no date is malformed, not missing; a time that is none is found elsewhere
_AGE_BETWEEN = """
CASE
  WHEN birth IS NOT NULL AND as_time(birth) IS NULL THEN ''
  ELSE age_band(date_sub('year', as_time(birth), as_time(time)))
END"""

_AGE_SAID = (
    "CASE WHEN x IS NULL OR regexp_full_match(x, '[0-9]{1,3}') THEN age_band(TRY_CAST(x AS INTEGER)) ELSE '' END"
)

TIMES = {
    "as_time(x)": _AS_TIME,
    "fhir_time(x)": _FHIR_TIME,
    "age_band(years)": _AGE_BAND,
    "age_between(birth, time)": _AGE_BETWEEN,
    "age_said(x)": _AGE_SAID,
}
