"""The engine of MOSTLY AI: TabularARGN, an autoregressive network over columns in any order (arXiv:2501.12012).

Default model (MOSTLY_AI/Medium), batch and learning rate by its own heuristics, early stopping on the tenth of the
patients that it sets aside. Its `max_training_time` is of the wall clock, so training is stopped by its progress
callback when the CPU time is used up; the weights are then those of the last epoch that it has judged.
Every column is declared categorical. Its value protection is switched off: it would turn every code of fewer than some
eight patients, a third of the columns, into a constant, and no other generator here is so restrained.
"""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from mostlyai import engine
from tables import matrix_of, mixed_table
from worker import Draws, Task, say_run

SETTINGS: dict[str, Any] = {
    "model": "MOSTLY_AI/Medium",
    "value_protection": False,
    "tgt_encoding_types": "TABULAR_CATEGORICAL",
    "batch_drawn": 4_096,  # by its own choice all at once, in many GiB
    "all_else": "default",
}


def fit(task: Task) -> Path:
    """The workspace of a trained engine."""
    workspace = Path(tempfile.mkdtemp(dir=task.folder))
    engine.init_logging()
    engine.set_random_state(task.seed)
    table = mixed_table(task)
    kinds = dict.fromkeys(table, SETTINGS["tgt_encoding_types"])
    engine.split(tgt_data=table, tgt_encoding_types=kinds, model_type="TABULAR", workspace_dir=workspace)
    engine.analyze(value_protection=SETTINGS["value_protection"], workspace_dir=workspace)
    engine.encode(workspace_dir=workspace)
    engine.train(
        model=SETTINGS["model"],
        device="cpu",
        workspace_dir=workspace,
        update_progress=lambda **_: {"stopExecution": task.remaining == 0},
    )
    log = pd.read_csv(workspace / "ModelStore" / "model-data" / "progress-messages.csv")
    SETTINGS["epochs_done"] = float(log["epoch"].max())
    return workspace


def draw(workspace: Path, task: Task) -> Draws:
    """As many patients as were given."""
    engine.generate(
        sample_size=task.train.shape[0],
        batch_size=SETTINGS["batch_drawn"],
        device="cpu",
        workspace_dir=workspace,
    )
    yield "mostlyai", matrix_of(pd.read_parquet(workspace / "SyntheticData"), task)


if __name__ == "__main__":
    say_run(("mostlyai-engine", "torch", "numpy", "pandas"), SETTINGS, fit, draw)
