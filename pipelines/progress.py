"""What long work looks like while it runs: a bar on a terminal, plain lines in a log; always on standard error."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from synthehr.progress import Progress

FIRST_LINE, BETWEEN_LINES = 5.0, 30.0  # seconds: a log that nobody watches is not filled, and soon says that work began
CLOCK = "seconds"  # a unit whose rate says nothing


@contextlib.contextmanager
def shown(console: Console) -> Iterator[Progress]:
    """A `Progress` drawn on `console`: bars with a rate and a time left on a terminal, else plain lines."""
    if not console.is_terminal:
        yield PlainLines(lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
        return
    where = TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}", markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), where, _Rate(), TimeRemainingColumn())
    bars = Bars(*columns, TextColumn("{task.fields[note]}", markup=False), console=console)
    try:
        yield TerminalBars(bars)
    finally:
        bars.stop()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None or task.fields["unit"] == CLOCK else f"{rate(speed)} {task.fields['unit']}/s")


@dataclass
class TerminalBars:
    """One bar a named piece of work. Nothing is drawn before the first: a question may stand on the terminal."""

    bars: Bars
    tasks: dict[str, TaskID] = field(default_factory=dict)

    def __call__(self, task: str, done: int, total: int, unit: str, note: str = "") -> None:
        """Move the bar of `task` to `done` of `total`."""
        if not self.tasks:
            self.bars.start()
        if task not in self.tasks:
            self.tasks[task] = self.bars.add_task(task, total=total, unit=unit, note=note)
        self.bars.update(self.tasks[task], completed=done, total=total, note=note)


@dataclass
class PlainLines:
    """Lines of a log: of each piece of work one after a silence, then one every half minute, and one at its end."""

    write: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    seen: dict[str, tuple[float, int]] = field(default_factory=dict)  # task -> when first heard of, and where it stood
    spoken: dict[str, float] = field(default_factory=dict)  # task -> when its last line was written
    ended: set[str] = field(default_factory=set)
    last: float | None = None

    def __call__(self, task: str, done: int, total: int, unit: str, note: str = "") -> None:
        """Write a line if one is due."""
        now = self.clock()
        self.last = now if self.last is None else self.last
        start, first = self.seen.setdefault(task, (now, done))
        over = done >= total
        if task in self.ended or not (over or self._due(task, now, self.last)):
            return
        self.last = self.spoken[task] = now
        self.write(f"{task}: {_line(done, total, unit, done - first, now - start)}{f' · {note}' if note else ''}")
        if over:
            self.ended.add(task)

    def _due(self, task: str, now: float, last: float) -> bool:
        if task in self.spoken:
            return now - self.spoken[task] >= BETWEEN_LINES
        return now - last >= FIRST_LINE


def _many(unit: str, n: int) -> str:
    """The unit as it is said of `n`; some are given as plurals."""
    if n == 1 or unit == CLOCK or (unit.endswith("s") and not unit.endswith("ss")):
        return unit
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}es" if unit.endswith("ss") else f"{unit}s"


def _line(done: int, total: int, unit: str, moved: int, seconds: float) -> str:
    unit = _many(unit, total)
    speed = moved / seconds if seconds > 0 else 0.0
    told = f", {rate(speed)}/s" if speed and unit != CLOCK else ""
    if done >= total:
        return f"{total:,} {unit}{'' if unit == CLOCK else f' in {duration(seconds)}'}{told}"
    left = f"{told}, {duration((total - done) / speed)} left" if speed else ""
    return f"{done:,} of {total:,} {unit} ({100 * done // total} %){left}"


def rate(speed: float) -> str:
    """A rate to three figures at most: 12,300, 450, 3.2."""
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"


def duration(seconds: float) -> str:
    """A time span for a reader: 0.4 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
