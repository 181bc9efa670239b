"""The same in Spark, on this machine's cores, to a folder of sorted files: EVENTS OUT."""

import sys

from pyspark.sql import SparkSession

EVENTS, OUT = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.driver.memory", "6g")
    .config("spark.sql.shuffle.partitions", "32")
    .config("spark.ui.enabled", "false")
    .config("spark.local.dir", f"{OUT}.spark")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .getOrCreate()
)
spark.read.parquet(f"{EVENTS}/data").createOrReplaceTempView("events")
spark.sql("""
  WITH counted AS (
    SELECT subject_id, code, visit_id, CASE WHEN visit_id IS NULL THEN count(*) ELSE 1 END AS n FROM (
      SELECT subject_id, visit_id, CASE WHEN code LIKE 'ICD9CM/%' THEN split_part(code, '.', 1) ELSE code END AS code
      FROM events WHERE split_part(code, '/', 1) NOT IN ('SEX', 'AGE', 'RACE'))
    GROUP BY subject_id, code, visit_id)
  SELECT subject_id, code, CAST(sum(n) AS INT) AS count FROM counted GROUP BY subject_id, code
  UNION ALL
  SELECT subject_id, min_by(code, time), 1 FROM events
  WHERE split_part(code, '/', 1) IN ('SEX', 'AGE', 'RACE') AND NOT code LIKE '%/unknown'
  GROUP BY subject_id, split_part(code, '/', 1)
  ORDER BY subject_id, code
""").write.parquet(OUT)
spark.stop()
