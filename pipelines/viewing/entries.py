"""What the home page leads to: of all that a bundle can have, what this one has."""

from typing import Any

from pipelines.viewing.folder import FITNESS, PUBLIC, STEWARD, Found, Half

READ = (
    ("report.html", "Risk report", "What an attacker could learn of real patients, and the decision."),
    ("report.pdf", "Risk report, PDF", "The same, to print and sign."),
    ("fidelity.html", "Fidelity report", "How well the cohort stands in for real patients."),
    ("fidelity.pdf", "Fidelity report, PDF", "The same, to print."),
)
RAW = (
    ("risk.json", "risk.json", "Every attack with value, interval and control."),
    ("fidelity.json", "fidelity.json", "Every score with floor and ceiling."),
    ("decision.json", "decision.json", "What was decided, gate by gate."),
    ("audit.json", "audit.json", "What the audit of the privacy claim found."),
    ("policy.json", "policy.json", "The policy that the decision was made by."),
    ("codes.csv", "codes.csv", "Prevalence of each code, synthetic and real; real ones rounded."),
    ("croissant.json", "croissant.json", "The description of the data for machines."),
)
HOUSE = "These files stay in the house: they have figures that the public half has not. Pass on the public half alone."


def groups_of(found: Found) -> list[dict[str, Any]]:
    """Groups of links: `title`, `note` and `entries` (`href`, `label`, `words`, `download`)."""
    public = found.public
    groups = [
        {"title": "Read", "note": "", "entries": [*_files(public, READ), *_guides(public)]},
        {"title": "Use", "note": "", "entries": _uses(public)},
        {"title": "Check", "note": "", "entries": [*_checks(public), *_files(public, RAW)]},
    ]
    if found.steward is not None:
        kept = [*_files(found.steward, READ), *_fitness(found.steward), *_files(found.steward, RAW)]
        groups.append({"title": "Steward's half", "note": HOUSE, "entries": kept})
    return groups


def _files(half: Half, known: tuple[tuple[str, str, str], ...]) -> list[dict[str, Any]]:
    return [
        _entry(f"/{half.name}/{name}", label, words, download=not name.endswith(".html"))
        for name, label, words in known
        if name in half.files
    ]


def _guides(half: Half) -> list[dict[str, Any]]:
    known = (
        ("datasheet.md", "Datasheet", "Where it comes from, what it suits, what it does not."),
        ("README.md", "Read me", "The files of the bundle, and first queries."),
    )
    pages = {"datasheet.md": "/datasheet", "README.md": "/readme"}
    return [_entry(pages[name], label, words) for name, label, words in known if name in half.files]


def _uses(half: Half) -> list[dict[str, Any]]:
    entries = [_entry("/query", "Query", "Questions in SQL to the synthetic cohort, with examples.")]
    if "dictionary.csv" in half.files:
        entries.append(_entry("/dictionary", "Dictionary", "What each code means, and how often the cohort has it."))
    return entries + _fitness(half)


def _fitness(half: Half) -> list[dict[str, Any]]:
    here = {PUBLIC: "/fitness", STEWARD: "/steward/fitness"}[half.name]
    words = "How far answers here are from those on real patients."
    return [_entry(here, "Query fitness", words)] if FITNESS in half.files else []


def _checks(half: Half) -> list[dict[str, Any]]:
    ledger = _entry("/ledger", "Ledger", "Every look at patients' data, and what may be claimed.")
    sums = _entry("/checksums", "Checksums", "Whether the files are as they were written.")
    return [ledger, sums] if "ledger.json" in half.files else [sums]


def _entry(href: str, label: str, words: str, *, download: bool = False) -> dict[str, Any]:
    return {"href": href, "label": label, "words": words, "download": download}
