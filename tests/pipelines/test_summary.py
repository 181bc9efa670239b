from pathlib import Path

from pipelines.summary import SHOWN, comparison, comparison_table


def test_the_table_goes_from_the_generator_to_real_patients(spine: Path) -> None:
    table = comparison(spine / "evaluation")
    assert list(table.index) == ["medgan", "copula", "independent", "holdout"]
    assert list(table.columns) == list(SHOWN.values())
    assert table.notna().all().all()


def test_the_figures_are_those_over_all_codes(spine: Path) -> None:
    from synthehr.evaluation import Evaluation

    found = Evaluation.read(spine / "evaluation")
    values = {(s.name, s.stratum): s.value for s in found.scores}
    table = comparison(spine / "evaluation").loc["medgan"]
    assert table["Spearman"] == values["dwp_spearman", "all"]
    # over all codes the distance of correlations is mostly noise
    assert table["CMD"] == values["correlation_cmd", ">=1%"] != values["correlation_cmd", "all"]


def test_it_fits_a_terminal(spine: Path) -> None:
    from rich.console import Console

    console = Console(width=80)
    with console.capture() as captured:
        console.print(comparison_table(spine / "evaluation"))
    assert "…" not in captured.get()
