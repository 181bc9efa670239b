"""What can go wrong, drawn by the remedy it asks for.

    SynthehrError
    |- BadData            the extract or landing is wrong: mend the file that the message names (exit 3)
    |- IncompleteLanding  a folder is missing, half-written or of another kind: run the stage that makes it (exit 3)
    |- BadRequest         the arguments contradict each other or the data: change the command or recipe (exit 2)
    `- Diverged           training became non-finite: lower the learning rate, resume from the last checkpoint (exit 3)

A refusal of the policy gate is `privacy.policy.GateRefused` (exit 4). No message carries a patient value.
"""


class SynthehrError(Exception):
    """Base of every error raised on purpose; `str(error)` says what was expected, what came, what to do next."""

    exit_code = 3


class BadData(SynthehrError):
    """Input that is not what it has to be; the message names file, row and column where they are known."""


class IncompleteLanding(SynthehrError):
    """A landing is absent, half-written, altered, or of another kind than the stage needs."""


class BadRequest(SynthehrError):
    """Arguments that contradict each other or the data."""

    exit_code = 2


class Diverged(SynthehrError):
    """A loss or gradient became non-finite; nothing was stepped and the last checkpoint stands."""
