"""A patient x code matrix as a mixed table and back, for tools that take tables.

One categorical column for each exclusive group (sex, age band, race), one of "0" and "1" for each other code. So no
tool that is given this form can draw a patient of two sexes. Runs in the tool's own environment.
"""

import numpy as np
import pandas as pd
from scipy import sparse
from worker import Task


def mixed_table(task: Task) -> pd.DataFrame:
    """The training patients: the groups, then the codes, all of strings."""
    dense = task.train.toarray()
    grouped = {column for columns in task.groups.values() for column in columns}
    columns: dict[str, object] = {}
    for name, members in task.groups.items():
        columns[name] = np.asarray([task.codes[k] for k in members])[dense[:, members].argmax(axis=1)]
    for k, code in enumerate(task.codes):
        if k not in grouped:
            columns[code] = np.where(dense[:, k] > 0, "1", "0")
    return pd.DataFrame(columns)


def matrix_of(table: pd.DataFrame, task: Task) -> sparse.csr_matrix:
    """Drawn patients as a matrix; a value that is none of those given (a missing one, say) is no code."""
    where = {code: k for k, code in enumerate(task.codes)}
    dense = np.zeros((len(table), len(task.codes)), dtype=np.uint8)
    for name in table:
        values = table[name].astype(str).to_numpy()
        if name in task.groups:
            known = np.asarray([where.get(value, -1) for value in values])
            rows = np.flatnonzero(known >= 0)
            dense[rows, known[rows]] = 1
        else:
            dense[:, where[str(name)]] = values == "1"
    return sparse.csr_matrix(dense)
