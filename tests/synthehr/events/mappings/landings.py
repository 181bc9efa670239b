"""What the tests of databases look for in a landing: its bytes, and whether it says who asked."""

from pathlib import Path

from tests.synthehr.events.mappings.postgres_server import PASSWORD, USER

SECRETS = (PASSWORD, USER, "127.0.0.1", "postgresql://", "mssql://", "Uid=")


def says_nothing(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def contents(landing: Path) -> dict[str, bytes]:
    """The files of a landing, but for those that name what it was made from."""
    own = ("manifest.json", "ingest_report.json", "rejected/rows.csv")
    files = {str(f.relative_to(landing)): f.read_bytes() for f in landing.rglob("*") if f.is_file()}
    assert any(name.endswith(".parquet") for name in files)
    return {name: body for name, body in files.items() if name not in own}
