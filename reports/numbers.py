"""How a number is written on a page: three significant figures, no more than its reader needs."""

import math
from typing import NamedTuple

from synthehr.release.disclosure import places, significant

MINUS = "\N{MINUS SIGN}"


class Grain(NamedTuple):
    """How fine a copy of a page shows figures: decimals of a share, and of a number of a hundred, at the most."""

    share: int
    hundred: int


FINE, COARSE = Grain(6, 1), Grain(3, 1)


def shown(value: float | None, digits: int = 3) -> str:
    """A number in plain notation: 0.0312, 12.5, 1,250; "n/a" where there is none."""
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "infinite" if value > 0 else f"{MINUS}infinite"
    rounded = significant(value, digits)
    if rounded == 0:
        return "0"
    return f"{rounded:,.{max(0, places(rounded, digits))}f}".replace("-", MINUS)


def decimals(low: float, high: float) -> int | None:
    """Decimal places that an interval bears: half its width to one digit, to two where that digit is 1 or 2.

    None where the interval has no width or is none.
    """
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0):
        return None
    exponent = math.floor(math.log10(half))
    return min(max(0, -exponent + int(half / 10.0**exponent < 2.95)), 6)


def fixed(value: float | None, digits: int | None) -> str:
    """A number with that many decimal places, so that it can be read beside an interval; `shown` where None."""
    if value is None or not math.isfinite(value) or digits is None:
        return shown(value)
    text = f"{value:,.{digits}f}"
    return (text.lstrip("-") if float(text.replace(",", "")) == 0 else text).replace("-", MINUS)


def spread(low: float, high: float) -> str:
    """An interval: [0.011, 0.031]."""
    digits = decimals(low, high)
    return f"[{fixed(low, digits)}, {fixed(high, digits)}]"


def p_value(p: float) -> str:
    """A p value to two places, to three below .01; never as nought."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.01 else f"{p:.2f}"


def percent(value: float, digits: int = 3) -> str:
    """A share in [0, 1] as a percentage: 3.12 %."""
    return "n/a" if math.isnan(value) else f"{shown(100 * value, digits)} %"


def whole(value: int) -> str:
    """A count: 71,518."""
    return f"{value:,}"


def hundred(value: float, low: float, high: float, grain: Grain) -> str:
    """A share and its interval as numbers of a hundred: 1.2 (0.6 to 1.8)."""
    places = hundred_places(low, high, grain)
    return f"{fixed(100 * value, places)} ({fixed(100 * low, places)} to {fixed(100 * high, places)})"


def hundred_places(low: float, high: float, grain: Grain) -> int:
    """Decimals that a number of a hundred bears beside its interval, no more than the grain has."""
    places = decimals(100 * low, 100 * high)
    return grain.hundred if places is None else min(places, grain.hundred)


def clipped(text: str, most: int) -> str:
    """A text that somebody wrote, cut at a word to at most `most` characters where it is longer."""
    if len(text) <= most:
        return text
    return f"{text[: most - 1].rsplit(' ', 1)[0].rstrip(' ,;:.')}…"
