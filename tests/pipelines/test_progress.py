import io

import pytest
from rich.console import Console

from pipelines.progress import PlainLines, duration, rate, shown


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def plain() -> tuple[PlainLines, Clock, list[str]]:
    clock, lines = Clock(), list[str]()
    return PlainLines(lines.append, clock), clock, lines


def test_a_line_has_position_rate_and_time_left(plain: tuple[PlainLines, Clock, list[str]]) -> None:
    report, clock, lines = plain
    report("train", 0, 1000, "passes")
    clock.now = 10.0
    report("train", 200, 1000, "passes", "loss 0.5")
    # 200 in 10 s is 20/s, so the other 800 take 40 s
    assert lines == ["train: 200 of 1,000 passes (20 %), 20/s, 40 s left · loss 0.5"]


def test_work_that_goes_on_from_a_checkpoint_counts_only_what_was_done_now(
    plain: tuple[PlainLines, Clock, list[str]],
) -> None:
    report, clock, lines = plain
    report("train", 900, 1000, "passes")
    clock.now = 10.0
    report("train", 950, 1000, "passes")
    assert lines == ["train: 950 of 1,000 passes (95 %), 5/s, 10 s left"]


def test_a_thousand_calls_in_a_short_time_are_one_line(plain: tuple[PlainLines, Clock, list[str]]) -> None:
    report, clock, lines = plain
    for done in range(1001):
        clock.now = done / 500
        report("generate", done, 1000, "patients")
    assert lines == ["generate: 1,000 patients in 2.0 s, 500/s"]


def test_the_end_is_said_once(plain: tuple[PlainLines, Clock, list[str]]) -> None:
    report, _, lines = plain
    for _ in range(3):
        report("fit", 1, 1, "pass")
    assert lines == ["fit: 1 pass in 0.0 s"]


def test_no_terminal_means_plain_lines_without_control_characters() -> None:
    stream = io.StringIO()
    with shown(Console(file=stream, force_terminal=False)) as report:
        report("train [bold]", 5, 5, "passes")
    assert stream.getvalue() == "train [bold]: 5 passes in 0.0 s\n"


def test_a_terminal_gets_a_bar_with_rate_and_position() -> None:
    stream = io.StringIO()
    with shown(Console(file=stream, force_terminal=True, width=120)) as report:
        report("train", 0, 40, "passes")
        report("train", 40, 40, "passes", "held-out 0.1")
    assert "\x1b[" in stream.getvalue()
    assert "40/40 passes" in stream.getvalue()
    assert "held-out 0.1" in stream.getvalue()


def test_nothing_is_drawn_before_the_first_word_of_work() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with shown(console):
        console.print("Name?")
    assert stream.getvalue() == "Name?\n"


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    with shown(Console(file=stream, force_terminal=True, width=120)) as report:
        report("train", 1, 2, "passes")
    colours = [f"\x1b[{code}m" for code in range(30, 38)] + ["\x1b[38;"]
    assert not any(colour in stream.getvalue() for colour in colours)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (42, "42 s"), (200, "3 min 20 s"), (59.7, "1 min 00 s"), (7500, "2 h 05 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("speed", "text"), [(12_345, "12,345"), (10, "10"), (3.24, "3.2"), (0.051, "0.051")])
def test_rates_read_well(speed: float, text: str) -> None:
    assert rate(speed) == text


def test_the_first_word_of_slow_work_is_heard_after_a_silence(plain: tuple[PlainLines, Clock, list[str]]) -> None:
    report, clock, lines = plain
    report("fit", 1, 1, "pass")
    clock.now = 6.0
    report("train", 1, 2000, "passes")
    assert lines == ["fit: 1 pass in 0.0 s", "train: 1 of 2,000 passes (0 %)"]


def test_a_log_gets_a_line_every_half_minute_of_each_piece_of_work(
    plain: tuple[PlainLines, Clock, list[str]],
) -> None:
    # where the clock is what is counted, its rate is not worth a word
    report, clock, lines = plain
    for second in range(121):
        clock.now = float(second)
        report("train", second, 120, "seconds")
        report("watch", second, 240, "seconds")
    said = {task: [line for line in lines if line.startswith(task)] for task in ("train", "watch")}
    # train: at 5 s, the first after a silence, then at 35, 65, 95, and its end at 120
    assert [line.split()[1] for line in said["train"]] == ["5", "35", "65", "95", "120"]
    assert said["train"][-1] == "train: 120 seconds"
    # watch: five seconds after train had spoken, and so on
    assert [line.split()[1] for line in said["watch"]] == ["10", "40", "70", "100"]


@pytest.mark.parametrize(
    ("total", "unit", "said"),
    [
        (1, "query", "1 query"),
        (2, "query", "2 queries"),
        (2, "pass", "2 passes"),
        (1, "patients", "1 patients"),
        (2, "step", "2 steps"),
    ],
)
def test_a_unit_is_said_of_as_many_as_there_are(total: int, unit: str, said: str) -> None:
    lines: list[str] = []
    PlainLines(lines.append, clock=lambda: 0.0)("task", total, total, unit)
    assert lines == [f"task: {said} in 0.0 s"]
