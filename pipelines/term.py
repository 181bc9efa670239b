"""From when to when a decision holds: the same release asked for on another day gives the same bytes."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from privacy.policy_file import Policy
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import read_manifest

DATES = ("decided", "expires")


def term(
    out: Path,
    policy: Policy,
    decided: datetime.date | None,
    *,
    today: datetime.date,
    config: Mapping[str, Any],
    made_from: Mapping[str, str],
) -> tuple[str, str]:
    """ISO dates of the decision and of its end.

    out: where the bundle will stand. decided: None for today, or for the date of the bundle that stands at `out` if it
    is of the same request (by `config`, which may name more than dates, and `made_from`) and still holds: the same
    command run again changes nothing.

    Raises:
        BadRequest: a decision that is dated in the future, or would have run out by today.
    """
    if decided is None:
        standing = _standing(out, config, made_from)
        if standing is not None and datetime.date.fromisoformat(standing["expires"]) > today:
            return standing["decided"], standing["expires"]
    day = decided or today
    end = (pd.Timestamp(day) + pd.DateOffset(months=policy.valid_months)).date()
    if day > today:
        raise BadRequest(f"A decision is dated today ({today}) or before. Got {day}; leave --decided out for today.")
    if end <= today:
        raise BadRequest(
            f"A decision of {day} ran out on {end} ({policy.valid_months} months by the policy {policy.name}): "
            "evaluate again, look at what else has become public, and decide anew."
        )
    return day.isoformat(), end.isoformat()


def _standing(out: Path, config: Mapping[str, Any], made_from: Mapping[str, str]) -> Mapping[str, Any] | None:
    try:
        manifest = read_manifest(out, "bundle")
    except IncompleteLanding:
        return None
    same = all(manifest.config.get(key) == value for key, value in config.items() if key not in DATES)
    return manifest.config if same and manifest.made_from == made_from else None
