"""How everything in a bundle is marked as synthetic, and which synthetic cohort it holds."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from synthehr.landing import read_manifest


def content_hash(synthetic: Path) -> str:
    """SHA-256 (hex) over the names and hashes of the files of a synthetic landing.

    Not the hash of its manifest: that names what the cohort was made from, down to the real extract, and whoever held
    all real records but one could try candidates for the last against it.
    """
    files = read_manifest(synthetic, "synthetic").files
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{files[name]}\n".encode())
    return digest.hexdigest()


def stamp(synthetic: Path) -> dict[str, str]:
    """Key-value metadata of every Parquet file of a bundle, and the first rows of the database's table `_about`."""
    return {
        "synthetic": "true",
        "synthehr_version": version("synthehr"),
        "synthetic_sha256": content_hash(synthetic),
    }
