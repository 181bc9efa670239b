"""Codes that a patient's sex or age bars: learned from the training patients, and never drawn in the wrong patient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.constraints import Rules


@dataclass(frozen=True)
class Barred:
    """Which codes each member of an exclusive group bars.

    rules: (n_rules, 2) int64, column of a code and of the member that it must not come with. n_codes: columns.
    """

    rules: Rules
    n_codes: int

    def of(self, members: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n, n_codes) which codes are barred for patients with these members, columns (n, n_groups)."""
        code, member = self.rules.T
        barring, row = np.unique(member, return_inverse=True)
        table = np.zeros((len(barring) + 1, self.n_codes), dtype=bool)  # the last row: members that bar nothing
        table[row, code] = True
        place = np.full(self.n_codes, len(barring))
        place[barring] = np.arange(len(barring))
        barred = np.zeros((len(members), self.n_codes), dtype=bool)
        for column in members.T:
            barred |= table[place[column]]
        return barred
