"""What runs independent tasks: in this process, in several, or on a cluster. Whoever wires the stages chooses."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs a function over tasks and gives the results in the order of the tasks.

    Tasks and function are picklable, a task's result depends on the task alone, and a task that is run again writes the
    same bytes: so the result does not depend on where or how often it ran.
    """

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], /) -> Iterator[R]:
        """`function` of each task, in order; raises what a task raised."""
        ...


def here(function: Callable[[T], R], tasks: Sequence[T], /) -> Iterator[R]:
    """One after another, in this process."""
    return map(function, tasks)


class Unfinished(Exception):
    """Tasks are left that other jobs were asked to do; when they have, the same command goes on from there."""
