"""The parts that the macros of `cohort.duckdb` are put together from: codes, their carriers, odds ratios, intervals.

A macro's parameter takes the place of any column of its name that is in sight where it stands. So it stands only where
all columns begin with an underscore, and a caller may give a column: `SELECT prevalence(code) FROM vocabulary`.
"""

from synthehr.events.engine import literal

Z = 1.959964  # 97.5 % quantile of the normal distribution: intervals cover 95 %
Z2 = f"{Z * Z:.6f}"

CODES = "(SELECT code_index AS _index, code AS _code FROM vocabulary) k"
HELD = "(SELECT synthetic_id AS _patient, code_index AS _held FROM codes) o"


def wanted_code(wanted: str) -> str:
    """Whether a row of `CODES` is what is wanted: that code, or with a star at the end any that begins so."""
    return f"k._code = {wanted} OR (suffix({wanted}, '*') AND starts_with(k._code, left({wanted}, -1)))"


def unknown(what: str, wanted: str, remedy: str) -> str:
    """An expression that raises."""
    return f"error({literal(what)} || coalesce({wanted}::VARCHAR, 'NULL') || {literal(remedy)})"


def no_code(wanted: str) -> str:
    """An expression that raises because no code is what is wanted."""
    return unknown(
        "No code of this cohort is ",
        wanted,
        ": look with FROM find_codes('words'). A star at the end means all that begin so.",
    )


def listed(column: str, source: str, error: str) -> str:
    """A table of the values of `column` in `source`, as the column _found; raises `error` where there are none."""
    return (
        f"(SELECT unnest(CASE WHEN _all IS NULL THEN {error} ELSE _all END) AS _found "
        f"FROM (SELECT list({column}) AS _all FROM {source}))"
    )


def indices(wanted: str) -> str:
    """Code indices of what is wanted, as a table with the column _found; raises where there are none."""
    return listed("k._index", f"{CODES} WHERE {wanted_code(wanted)}", no_code(wanted))


def carriers(wanted: str) -> str:
    """Patients with what is wanted, each once, as a table with the column _patient; raises where it is unknown."""
    return f"(SELECT DISTINCT o._patient FROM {HELD} JOIN {indices(wanted)} i ON o._held = i._found)"


def known(wanted: str) -> str:
    """A condition that is true or raises, for rows that stand there whatever is wanted."""
    found = f"(SELECT count(*) FROM {CODES} WHERE {wanted_code(wanted)})"
    return f"CASE WHEN {found} = 0 THEN {no_code(wanted)} ELSE true END"


def asked(lists: dict[str, str]) -> str:
    """Every code asked for in one of the lists (kind -> parameter) beside its index, NULL where it is unknown.

    A table with the columns _kind, _wanted, _index.
    """
    parts = [f"SELECT {literal(kind)} AS _kind, unnest({name}::VARCHAR[]) AS _wanted" for kind, name in lists.items()]
    return (
        f"(SELECT q._kind, q._wanted, k._index FROM ({' UNION '.join(parts)}) q "
        f"LEFT JOIN {CODES} ON {wanted_code('q._wanted')})"
    )


FIRST_UNKNOWN = "min(coalesce(_wanted, 'NULL')) FILTER (_index IS NULL) AS _unknown"


def share(k: str, n: str) -> str:
    """Prevalence k / n with Wilson's interval, as the columns prevalence, low, high."""
    p = f"{k} / {n}"
    centre = f"({p} + {Z2} / 2 / {n}) / (1 + {Z2} / {n})"
    reach = f"{Z} / (1 + {Z2} / {n}) * sqrt({p} * (1 - {p}) / {n} + {Z2} / 4 / {n} / {n})"
    return f"{p} AS prevalence, greatest({centre} - {reach}, 0) AS low, least({centre} + {reach}, 1) AS high"


EXPECTED = "l.n_1::DOUBLE * l.n_2 / l.n"
LIFT = f"l.together, {EXPECTED} AS expected, l.together / nullif({EXPECTED}, 0) AS lift"


def odds(columns: str, cells: str) -> str:
    """A query of `columns` and the odds ratio with its interval by Woolf's logit (1955).

    cells: a table of the columns n, n_1, n_2, together: all patients, those with the one, the other and both. Where one
    of the four cells is empty, half a patient is added to each (Haldane 1956, Anscombe 1956).
    """
    return f"""
        SELECT {columns}, exp(_log) AS odds_ratio, exp(_log - {Z} * _error) AS low, exp(_log + {Z} * _error) AS high
        FROM (
          SELECT *, ln((together + _half) * (neither + _half) / ((only_1 + _half) * (only_2 + _half))) AS _log,
            sqrt(1 / (together + _half) + 1 / (only_1 + _half) + 1 / (only_2 + _half) + 1 / (neither + _half)) AS _error
          FROM (
            SELECT *, (CASE WHEN least(together, only_1, only_2, neither) = 0 THEN 0.5 ELSE 0 END)::DOUBLE AS _half
            FROM (
              SELECT *, n_1 - together AS only_1, n_2 - together AS only_2, n - n_1 - n_2 + together AS neither
              FROM ({cells})))) l"""
