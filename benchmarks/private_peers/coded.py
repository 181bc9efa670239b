"""What the workers of peers share: tables of small integers over a public domain, and a limit of CPU time.

Runs in the tool's own environment. Every category is numbered from the list of columns, which is public; none is read
from patients, so a category that nobody has keeps its place.
"""

import resource
import signal
from typing import Any

import pandas as pd
from scipy import sparse
from tables import matrix_of, mixed_table
from worker import Task

GRACE = 60.0  # CPU seconds after which the kernel ends what did not stop when told to


def domain(task: Task) -> dict[str, list[str]]:
    """Categories by column: the members of each group, "0" and "1" of each other code; columns as in `mixed_table`."""
    grouped = {k for members in task.groups.values() for k in members}
    groups = {name: [task.codes[k] for k in members] for name, members in task.groups.items()}
    return groups | {code: ["0", "1"] for k, code in enumerate(task.codes) if k not in grouped}


def encoded(task: Task) -> pd.DataFrame:
    """The training patients: a column a group or code, of positions in its categories, int64."""
    table = mixed_table(task)
    numbered = {name: pd.Categorical(table[name], kept).codes.astype("int64") for name, kept in domain(task).items()}
    return pd.DataFrame(numbered)


def decoded(table: pd.DataFrame, task: Task) -> sparse.csr_matrix:
    """Drawn positions as a matrix of patients x codes; the columns may come in any order."""
    named = {name: pd.Series(kept).loc[table[name].astype(int)].to_numpy() for name, kept in domain(task).items()}
    return matrix_of(pd.DataFrame(named), task)


def stop_in_time(task: Task) -> None:
    """From now on the process raises TimeoutError after the task's seconds of CPU time, wherever it is in Python."""

    def stopped(*_: Any) -> None:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # it comes again every second
        raise TimeoutError(f"stopped after {task.seconds:g} s of CPU time")

    signal.signal(signal.SIGXCPU, stopped)
    resource.setrlimit(resource.RLIMIT_CPU, (int(task.seconds), int(task.seconds + GRACE)))
