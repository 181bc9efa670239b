"""The same in Polars, lazily and streamed, to one sorted file: EVENTS OUT."""

import sys

import polars as pl

EVENTS, OUT = sys.argv[1:]
events = pl.scan_parquet(f"{EVENTS}/data/*.parquet").select("subject_id", "time", "code", "visit_id")
fact = pl.col("code").str.contains("^(?:SEX|AGE|RACE)/")
rolled = (
    pl.when(pl.col("code").str.starts_with("ICD9CM/"))
    .then(pl.col("code").str.split(".").list.first())
    .otherwise(pl.col("code"))
    .alias("code")
)
counts = (
    events.filter(~fact)
    .with_columns(rolled)
    .group_by("subject_id", "code", "visit_id")
    .agg(pl.len().alias("n"))
    .with_columns(pl.when(pl.col("visit_id").is_null()).then(pl.col("n")).otherwise(1).alias("n"))
    .group_by("subject_id", "code")
    .agg(pl.col("n").sum().cast(pl.UInt16).alias("count"))
)
facts = (
    events.filter(fact & ~pl.col("code").str.ends_with("/unknown"))
    .with_columns(pl.col("code").str.split("/").list.first().alias("system"))
    .group_by("subject_id", "system")
    .agg(pl.col("code").sort_by("time").first())
    .select("subject_id", "code", pl.lit(1, pl.UInt16).alias("count"))
)
pl.concat([counts, facts]).sort("subject_id", "code").sink_parquet(OUT, compression="zstd", engine="streaming")
