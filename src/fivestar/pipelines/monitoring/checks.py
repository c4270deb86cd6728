"""A check: how much drift there is, how sure that is, and what it says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from fivestar.metrics.drift import Estimate

OK, WATCH, RETRAIN, NOT_CHECKED = "ok", "watch", "retrain", "not checked"
DECISION = "decision"
"""Name of the last row of the table of checks."""


class Check(NamedTuple):
    """A row of the table of checks.

    Attributes
    ----------
    value, reference : in the new ratings, and in earlier ones or by chance alone
    drift, low, high : how much that is, 0 or more, and the ends of its interval; ``low`` is NaN
        where there are too few users for one
    limit : the largest drift that is no reason to retrain
    """

    check: str
    value: float
    reference: float
    drift: float
    low: float
    high: float
    limit: float
    verdict: str
    finding: str


def check(
    name: str,
    value: float,
    reference: float,
    drift: tuple[float, float, float],
    limit: float,
    finding: str,
) -> Check:
    """A check of a drift, given with the ends of its interval."""
    return Check(name, value, reference, *drift, limit, verdict(drift[0], drift[1], limit), finding)


def of_estimate(
    name: str, found: Estimate, limit: float, finding: str, *, both_ways: bool = False
) -> Check:
    """A check of the difference of two means: of a rise only, or of a fall as well."""
    drift = (found.drift, found.low, found.high)
    if both_ways:
        size = found.size
        drift = (abs(found.drift), size.low, size.high)
    return check(name, found.value, found.reference, drift, limit, finding)


def not_checked(name: str, limit: float, why: str) -> Check:
    """What this model or these ratings cannot be asked."""
    unknown = (np.nan,) * 5
    return Check(name, *unknown, limit, NOT_CHECKED, why)


def verdict(drift: float, low: float, limit: float) -> str:
    """``retrain`` if the drift is surely over the limit, ``watch`` if by the best estimate only."""
    if np.isnan(drift):
        return NOT_CHECKED
    if low > limit:
        return RETRAIN
    return WATCH if drift > limit else OK


def decide(checks: list[Check]) -> Check:
    """The last row: whether to retrain, and why."""
    by_verdict = {
        each: [one.check for one in checks if one.verdict == each] for each in (RETRAIN, WATCH)
    }
    unknown = (np.nan,) * 6
    if over := by_verdict[RETRAIN]:
        return Check(DECISION, *unknown, RETRAIN, f"Retrain: over the limit: {', '.join(over)}.")
    if over := by_verdict[WATCH]:
        finding = f"Wait for more ratings: perhaps over the limit: {', '.join(over)}."
        return Check(DECISION, *unknown, WATCH, finding)
    return Check(DECISION, *unknown, OK, "No need to retrain: no check is over its limit.")


def as_table(checks: list[Check]) -> pd.DataFrame:
    """A row a check, the decision last."""
    return pd.DataFrame([*checks, decide(checks)], columns=list(Check._fields))
