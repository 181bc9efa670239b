"""The query that one would write by hand, in one DuckDB with all memory and cores: EVENTS OUT."""

import sys

import duckdb

EVENTS, OUT = sys.argv[1:]
SOURCE = f"read_parquet('{EVENTS}/data/*.parquet')"
QUERY = f"""WITH columns AS (
  SELECT code, CASE WHEN starts_with(code, 'ICD9CM/') THEN split_part(code, '.', 1) ELSE code END AS name,
    split_part(code, '/', 1) IN ('SEX', 'AGE', 'RACE') AS fact
  FROM (SELECT DISTINCT code FROM {SOURCE})),
encounters AS (
  SELECT subject_id, name, visit_id, CASE WHEN visit_id IS NULL THEN count(*) ELSE 1 END AS n
  FROM {SOURCE} JOIN columns USING (code) WHERE NOT fact GROUP BY subject_id, name, visit_id),
facts AS (
  SELECT subject_id, arg_min(name, time) AS name FROM {SOURCE} JOIN columns USING (code)
  WHERE fact AND NOT ends_with(name, '/unknown') GROUP BY subject_id, split_part(name, '/', 1))
SELECT subject_id, name AS code, CAST(sum(n) AS USMALLINT) AS count FROM encounters GROUP BY subject_id, name
UNION ALL SELECT subject_id, name, 1 FROM facts
ORDER BY subject_id, code"""

duckdb.execute(f"COPY ({QUERY}) TO '{OUT}' (FORMAT parquet, COMPRESSION zstd)")
