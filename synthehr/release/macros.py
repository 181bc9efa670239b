"""Macros stored in `cohort.duckdb`: a researcher's questions as SQL functions.

Wherever a code is asked for, `SYSTEM/value` is that code, and `SYSTEM/val*` any code that begins so. A code that is not
in the vocabulary raises: it must not read as a prevalence of 0.

Written by DuckDB 1.2 to 2.0 and read by 1.0 to 2.0 they give the same (measured: 1.0.0, 1.1.3, 1.2.2, 1.3.2, 1.4.0,
1.4.4, 1.5.6, 2.0.1), which bounds how they are written. No WITH: 1.4 does not find the parts of one that 2.0 stored.
No lambdas: their syntax changed. No overloads: 1.0 has none. No parameter that some version takes for its own word, as
1.4 and 1.5 do `grouping`.
"""

from dataclasses import dataclass

import duckdb

from synthehr.events.engine import literal
from synthehr.release.macro_parts import (
    CODES,
    FIRST_UNKNOWN,
    HELD,
    LIFT,
    asked,
    carriers,
    indices,
    known,
    listed,
    no_code,
    odds,
    share,
    unknown,
    wanted_code,
)
from synthehr.release.views import commonest

SAMPLING = (
    "The interval is that of drawing so many synthetic patients; how far they are from real ones, the report says"
)


@dataclass(frozen=True)
class Macro:
    """One macro. call: an example, says: what it answers, with the keys of `examples`; table: it stands after FROM."""

    name: str
    parameters: str
    call: str
    says: str
    sql: str
    table: bool = True


def examples(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """SQL literals of this very cohort for calls: first, second (codes), any (what begins as the first), group."""
    codes = [code for code, _, _ in commonest(connection, 2)]
    groups = connection.execute(
        "SELECT exclusive_group FROM vocabulary WHERE exclusive_group IS NOT NULL "
        "ORDER BY exclusive_group <> 'age', code_index LIMIT 1"
    ).fetchall()
    told = {
        "first": codes[0],
        "second": codes[-1],
        "any": f"{codes[0][:-1]}*",
        "group": groups[0][0] if groups else "age",
    }
    return {key: literal(value) for key, value in told.items()}


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every macro, with its comment, in the database in use, whose tables and views stand there already."""
    told = examples(connection)
    for macro in MACROS:
        says = f"{macro.call}: {macro.says}".format(**told)
        kind, body = ("MACRO TABLE", f"TABLE {macro.sql}") if macro.table else ("MACRO", f"({macro.sql})")
        connection.execute(f"CREATE MACRO {macro.name}({macro.parameters}) AS {body}")
        connection.execute(f"COMMENT ON {kind} {macro.name} IS {literal(says)}")


ABOUT = """
    SELECT kind, name, says FROM (
      SELECT 1 AS place, 'fact' AS kind, "key" AS name, "value" AS says FROM _about
      UNION ALL SELECT 2, 'table', table_name, comment FROM duckdb_tables()
        WHERE database_name = current_database() AND NOT internal
      UNION ALL SELECT 3, 'view', 
          CASE WHEN schema_name = 'main' THEN '' ELSE schema_name || '.' END || view_name, comment
        FROM duckdb_views() WHERE database_name = current_database() AND NOT internal
      UNION ALL SELECT 4, 'macro', function_name, comment FROM duckdb_functions()
        WHERE database_name = current_database() AND NOT internal)
    ORDER BY place, name"""

FIND_CODES = """
    SELECT code, description, domain, n_patients, prevalence FROM code_counts
    WHERE NOT EXISTS (SELECT 1 FROM (SELECT unnest(string_split(lower(words), ' ')) AS _word)
      WHERE NOT contains(lower(code || ' ' || coalesce(description, '')), _word)) ORDER BY n_patients DESC, code"""

_PATIENT = listed(
    "_id",
    "(SELECT synthetic_id AS _id FROM patients) WHERE _id = patient",
    unknown("No patient of this cohort is ", "patient", ": see SELECT synthetic_id FROM patients."),
)
CODES_OF = f"""
    SELECT v.code, v.description, c."count" FROM {_PATIENT} f
    JOIN codes c ON c.synthetic_id = f._found JOIN vocabulary v USING (code_index) ORDER BY v.code_index"""

PREVALENCE = f"""
    SELECT CASE WHEN f._codes = 0 THEN {no_code("wanted")} ELSE f._n / (SELECT count(*) FROM patients) END
    FROM (SELECT count(k._index) AS _codes, count(DISTINCT o._patient) AS _n
      FROM {CODES} LEFT JOIN {HELD} ON o._held = k._index WHERE {wanted_code("wanted")}) f"""

PATIENTS_WITH = f"SELECT x._patient AS synthetic_id FROM {carriers('wanted')} x ORDER BY 1 DESC"

GROUPS = "coalesce((SELECT string_agg(DISTINCT exclusive_group, ', ') FROM vocabulary), 'none')"
_MEMBERS = listed(
    "_index",
    "(SELECT code_index AS _index, exclusive_group AS _group FROM vocabulary) WHERE _group = dimension",
    f"error('No group is ' || coalesce(dimension::VARCHAR, 'NULL') || ', there are: ' || {GROUPS})",
)
BY_GROUP = f"""
    SELECT member, _n AS patients, _k AS with_code, {share("_k", "_n")}
    FROM (SELECT substr(v.code, length(v.system) + 2) AS member, count(*) AS _n, count(x._patient) AS _k
      FROM {_MEMBERS} f JOIN codes c ON c.code_index = f._found JOIN vocabulary v USING (code_index)
      LEFT JOIN {carriers("wanted")} x ON x._patient = c.synthetic_id GROUP BY 1)
    WHERE {known("wanted")} ORDER BY member"""

_TWO = f"""
    SELECT * FROM (SELECT (SELECT count(*) FROM patients) AS n, (SELECT count(*) FROM {carriers("a")} x) AS n_1,
      (SELECT count(*) FROM {carriers("b")} y) AS n_2,
      (SELECT count(*) FROM {carriers("a")} x JOIN {carriers("b")} y USING (_patient)) AS together)
    WHERE {known("a")} AND {known("b")}"""
COOCCURRENCE = odds(f"l.n AS patients, {LIFT}", _TWO)
ODDS_RATIO = odds("l.together, l.only_1 AS only_a, l.only_2 AS only_b, l.neither", _TWO)

_BESIDE = f"""
    SELECT g.code, g.description, p.n, w.n_1, g.n_patients AS n_2, t.together
    FROM (SELECT o._held, count(*) AS together FROM {HELD} JOIN {carriers("wanted")} x USING (_patient)
      WHERE o._held NOT IN (SELECT _found FROM {indices("wanted")}) GROUP BY o._held) t
    JOIN vocabulary v ON v.code_index = t._held JOIN code_counts g USING (code),
    (SELECT count(*) AS n_1 FROM {carriers("wanted")}) w, (SELECT count(*) AS n FROM patients) p
    WHERE v.exclusive_group IS NULL AND t.together >= at_least"""
COOCCURRING_WITH = f"{odds(f'l.code, l.description, {LIFT}', _BESIDE)} ORDER BY lift DESC, l.together DESC, l.code"

_LISTS = asked({"all": "all_of", "any": "any_of", "none": "none_of"})
COHORT_WHERE = f"""
    SELECT p.* FROM patients p
    LEFT JOIN (SELECT o._patient, count(DISTINCT m._wanted) FILTER (m._kind = 'all') AS _all,
        count(*) FILTER (m._kind = 'any') AS _any, count(*) FILTER (m._kind = 'none') AS _none
      FROM {_LISTS} m JOIN {HELD} ON o._held = m._index GROUP BY o._patient) h ON h._patient = p.synthetic_id,
    (SELECT count(DISTINCT _wanted) FILTER (_kind = 'all') AS _all, 
      {FIRST_UNKNOWN} FROM {_LISTS}) need
    WHERE CASE WHEN need._unknown IS NOT NULL THEN {no_code("need._unknown")}
      ELSE coalesce(h._all, 0) = need._all AND (any_of IS NULL OR coalesce(h._any, 0) > 0)
        AND coalesce(h._none, 0) = 0 END
    ORDER BY p.synthetic_id DESC"""

_CONDITIONS = asked({"any": "conditions"})
CONDITION_COUNT = f"""
    SELECT p.synthetic_id, coalesce(h._n, 0) AS n_conditions FROM patients p
    LEFT JOIN (SELECT o._patient, count(DISTINCT m._wanted) AS _n
      FROM {_CONDITIONS} m JOIN {HELD} ON o._held = m._index GROUP BY o._patient) h ON h._patient = p.synthetic_id,
    (SELECT {FIRST_UNKNOWN} FROM {_CONDITIONS}) need
    WHERE CASE WHEN need._unknown IS NOT NULL THEN {no_code("need._unknown")} ELSE true END
    ORDER BY p.synthetic_id DESC"""

MACROS = (
    Macro("about", "", "FROM about()", "what this file is, and every table, view and macro in it", ABOUT),
    Macro(
        "find_codes",
        "words",
        "FROM find_codes('heart')",
        "codes with all of these words in their name or description, the commonest first",
        FIND_CODES,
    ),
    Macro(
        "codes_of",
        "patient",
        "FROM codes_of(-1)",
        "all codes of one synthetic patient, demographics among them",
        CODES_OF,
    ),
    Macro(
        "prevalence",
        "wanted",
        "SELECT prevalence({first})",
        "share of synthetic patients with the code, in [0, 1]; {any}: with any code that begins so",
        PREVALENCE,
        table=False,
    ),
    Macro(
        "patients_with",
        "wanted",
        "FROM patients_with({first})",
        "ids of the synthetic patients with the code",
        PATIENTS_WITH,
    ),
    Macro(
        "by_group",
        "dimension, wanted",
        "FROM by_group({group}, {first})",
        f"prevalence within each member of an exclusive group, with Wilson's 95 % interval. {SAMPLING}",
        BY_GROUP,
    ),
    Macro(
        "cooccurrence",
        "a, b",
        "FROM cooccurrence({first}, {second})",
        "patients with both, how many chance alone would give, how many times that (lift), and the odds ratio with its "
        f"95 % interval. {SAMPLING}",
        COOCCURRENCE,
    ),
    Macro(
        "odds_ratio",
        "a, b",
        "FROM odds_ratio({first}, {second})",
        "the table of four and its odds ratio with Woolf's 95 % interval; where a cell is empty, half a patient is "
        f"added to each. {SAMPLING}",
        ODDS_RATIO,
    ),
    Macro(
        "cooccurring_with",
        "wanted, at_least := 10",
        "FROM cooccurring_with({first}, at_least := 10)",
        f"every other code that at least so many patients have besides, the highest lift first. {SAMPLING}",
        COOCCURRING_WITH,
    ),
    Macro(
        "cohort_where",
        "all_of := [], any_of := NULL, none_of := []",
        "FROM cohort_where(all_of := [{first}], any_of := [{any}], none_of := [{second}])",
        "the synthetic patients with all, at least one, and none of the codes; each list may be left out, and at least "
        "one of no codes is nobody",
        COHORT_WHERE,
    ),
    Macro(
        "condition_count",
        "conditions",
        "FROM condition_count([{any}, {second}])",
        "of each synthetic patient, how many of the conditions it has: a comorbidity index without weights",
        CONDITION_COUNT,
    ),
)
