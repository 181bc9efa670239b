import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.accountant import epsilon, gaussian_multiplier
from privacy.budget import Budget
from privacy.ledger import BrokenLedger, Entry, Ledger, Unaccounted, composed, cumulative
from privacy.mechanisms import Gaussian, Mechanism, SampledGaussian

BUDGET = Budget(epsilon=2.0, delta=1e-6)
Document = dict[str, Any]


def gauss(c: float = 5.0) -> Gaussian:
    return Gaussian(noise_multiplier=c)


def asked(query: str = "marginals", mechanism: Mechanism | None = None, **more: Any) -> Entry:
    return Entry(query=query, mechanism=mechanism or gauss(), **({"sensitivity": 1.0} | more))


def full() -> Ledger:
    """One entry of each kind, in the release and beside it."""
    ledger = Ledger(budget=BUDGET)
    ledger.spend(asked("which codes", gauss(12.0), sensitivity=3.5, added_delta=1e-7))
    ledger.spend(asked("marginals", gauss(9.0)))
    ledger.spend(asked("training", SampledGaussian(noise_multiplier=3.0, sampling_probability=0.01, steps=20)))
    ledger.look("figures of the report", covers="report")
    return ledger


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    file = tmp_path_factory.mktemp("full") / "ledger.json"
    full().write(file)
    found: Document = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], Ledger]:
    def of(document: Any) -> Ledger:
        file = tmp_path / "ledger.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        return Ledger.read(file)

    return of


# on disk


@pytest.mark.parametrize(
    "ledger",
    [
        Ledger(),
        Ledger(budget=BUDGET),
        Ledger([Entry(query="autoencoder"), Entry(query="figures", covers="report")]),
        full(),
    ],
    ids=["empty", "nothing spent", "unprotected", "full"],
)
def test_a_ledger_reads_back_as_it_was(tmp_path: Path, ledger: Ledger) -> None:
    ledger.write(tmp_path / "ledger.json")
    found = Ledger.read(tmp_path / "ledger.json")
    assert found == ledger
    assert found.epsilon == ledger.epsilon


names = st.text(max_size=10)
mechanisms = st.one_of(
    st.none(),
    st.builds(Gaussian, noise_multiplier=st.floats(5.0, 100.0)),
    st.just(SampledGaussian(noise_multiplier=4.0, sampling_probability=0.02, steps=3)),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    mechanism = draw(mechanisms)
    return Entry(
        query=draw(names),
        mechanism=mechanism,
        sensitivity=None if mechanism is None else draw(st.floats(1e-3, 100)),
        added_delta=draw(st.sampled_from([0.0, 1e-8, 1e-7])),
        covers=draw(st.sampled_from(["release", "report"])),
    )


@given(st.lists(entries(), max_size=4), st.sampled_from([None, BUDGET]))
@settings(max_examples=25, deadline=None)
def test_whatever_was_entered_reads_back(
    tmp_path_factory: pytest.TempPathFactory, listed: list[Entry], budget: Budget | None
) -> None:
    file = tmp_path_factory.mktemp("any") / "ledger.json"
    Ledger(listed, budget).write(file)
    assert Ledger.read(file) == Ledger(listed, budget)


def test_a_ledger_is_strict_json_although_its_epsilon_is_infinite(tmp_path: Path) -> None:
    ledger = Ledger([asked("marginals"), Entry(query="vocabulary")])
    ledger.write(tmp_path / "ledger.json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert found["epsilon"] == "inf"
    assert [entry["mechanism"] for entry in found["entries"]] == ["Gaussian", "none"]


def test_whoever_reads_the_file_finds_what_each_look_cost(document: Document) -> None:
    assert document["unit"] == "one patient, all encounters"
    assert document["adjacency"] == "add or remove one patient"
    assert document["budget"] == {"epsilon": 2.0, "delta": 1e-6}
    bare = [{k: v for k, v in entry.items() if k not in ("previous", "hash")} for entry in document["entries"]]
    assert bare == [
        {
            "query": "which codes",
            "covers": "release",
            "mechanism": "Gaussian",
            "sensitivity": 3.5,
            "noise_multiplier": 12.0,
            "added_delta": 1e-7,
        },
        {
            "query": "marginals",
            "covers": "release",
            "mechanism": "Gaussian",
            "sensitivity": 1.0,
            "noise_multiplier": 9.0,
        },
        {
            "query": "training",
            "covers": "release",
            "mechanism": "Poisson-sampled Gaussian",
            "sensitivity": 1.0,
            "noise_multiplier": 3.0,
            "sampling_probability": 0.01,
            "steps": 20,
            "sampling": "poisson",
        },
        {"query": "figures of the report", "covers": "report", "mechanism": "none"},
    ]


# tampering


def test_what_nobody_touched_is_read(document: Document, read: Callable[[Any], Ledger]) -> None:
    """The control of all that follows."""
    assert read(copy.deepcopy(document)) == full()


@pytest.mark.parametrize(
    ("number", "field", "value"),
    [
        (0, "query", "other codes"),
        (0, "sensitivity", 3.6),
        (0, "noise_multiplier", 12.000001),
        (0, "added_delta", 1.1e-7),
        (0, "covers", "report"),
        (0, "mechanism", "none"),
        (0, "mechanism", "Laplace"),
        (0, "previous", "1" * 64),
        (0, "hash", "1" * 64),
        (1, "noise_multiplier", 90.0),
        (1, "covers", "report"),
        (1, "added_delta", 1e-9),
        (2, "noise_multiplier", 3.1),
        (2, "sampling_probability", 0.001),
        (2, "steps", 19),
        (2, "sampling", "shuffled"),
        (2, "mechanism", "Gaussian"),
        (3, "query", "nothing"),
        (3, "covers", "release"),
        (3, "mechanism", "Gaussian"),
        (3, "note", "harmless"),
    ],
)
def test_a_changed_entry_is_found(
    document: Document, read: Callable[[Any], Ledger], number: int, field: str, value: object
) -> None:
    changed = copy.deepcopy(document)
    changed["entries"][number][field] = value
    with pytest.raises(BrokenLedger):
        read(changed)


@pytest.mark.parametrize("field", ["query", "sensitivity", "noise_multiplier", "added_delta", "previous", "hash"])
def test_an_entry_that_lacks_something_is_found(document: Document, read: Callable[[Any], Ledger], field: str) -> None:
    changed = copy.deepcopy(document)
    del changed["entries"][0][field]
    with pytest.raises(BrokenLedger):
        read(changed)


@pytest.mark.parametrize("number", range(4))
def test_a_removed_entry_is_found_be_it_the_first_or_the_last(
    document: Document, read: Callable[[Any], Ledger], number: int
) -> None:
    changed = copy.deepcopy(document)
    del changed["entries"][number]
    with pytest.raises(BrokenLedger):
        read(changed)


def test_removing_all_entries_is_found(document: Document, read: Callable[[Any], Ledger]) -> None:
    with pytest.raises(BrokenLedger):
        read(document | {"entries": [], "epsilon": 0.0})


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (0, 3), (2, 3)])
def test_swapped_entries_are_found(document: Document, read: Callable[[Any], Ledger], one: int, other: int) -> None:
    changed = copy.deepcopy(document)
    rows = changed["entries"]
    rows[one], rows[other] = rows[other], rows[one]
    with pytest.raises(BrokenLedger, match=f"entry {one + 1}"):
        read(changed)


@pytest.mark.parametrize("place", range(5))
def test_an_inserted_entry_is_found(document: Document, read: Callable[[Any], Ledger], place: int) -> None:
    """A copy of an entry has a hash that is right, in the wrong place."""
    changed = copy.deepcopy(document)
    changed["entries"].insert(place, copy.deepcopy(document["entries"][1]))
    with pytest.raises(BrokenLedger):
        read(changed)


@pytest.mark.parametrize("budget", [None, {"epsilon": 3.0, "delta": 1e-6}, {"epsilon": 2.0, "delta": 2e-6}])
def test_a_changed_budget_is_found(document: Document, read: Callable[[Any], Ledger], budget: object) -> None:
    told = "inf" if budget is None else document["epsilon"]
    with pytest.raises(BrokenLedger):
        read(document | {"budget": budget, "epsilon": told})


@pytest.mark.parametrize("off", [-0.5, -1e-3, -1e-4, 1e-9, 1.0])
def test_a_changed_epsilon_is_found_however_little(
    document: Document, read: Callable[[Any], Ledger], off: float
) -> None:
    with pytest.raises(BrokenLedger):
        read(document | {"epsilon": document["epsilon"] + off})


@pytest.mark.parametrize("value", ["inf", "nan", "x", None, [1.0], math.nan, math.inf])
def test_an_epsilon_that_is_no_number_is_found(document: Document, read: Callable[[Any], Ledger], value: Any) -> None:
    with pytest.raises(BrokenLedger):
        read(document | {"epsilon": value})


@pytest.mark.parametrize("field", ["unit", "adjacency"])
def test_a_ledger_of_another_unit_or_adjacency_does_not_add_up(
    document: Document, read: Callable[[Any], Ledger], field: str
) -> None:
    with pytest.raises(BrokenLedger, match="epsilons of others do not add"):
        read(document | {field: "one encounter"})


@pytest.mark.parametrize("field", ["unit", "adjacency", "budget", "epsilon", "entries", "seal"])
def test_a_ledger_that_lacks_a_field_is_found(document: Document, read: Callable[[Any], Ledger], field: str) -> None:
    with pytest.raises(BrokenLedger):
        read({key: value for key, value in document.items() if key != field})


@pytest.mark.parametrize("other", [None, [], "ledger", 1, {}, {"entries": []}])
def test_what_is_no_ledger_is_said_to_be_none(read: Callable[[Any], Ledger], other: object) -> None:
    with pytest.raises(BrokenLedger, match="is not a ledger"):
        read(other)


@pytest.mark.parametrize("rows", ["abc", [1], [None], [["query"]], {"query": "x"}])
def test_entries_that_are_none_are_found(document: Document, read: Callable[[Any], Ledger], rows: object) -> None:
    with pytest.raises(BrokenLedger, match="is not a ledger"):
        read(document | {"entries": rows})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[1, 2"])
def test_a_file_that_was_cut_short_is_said_to_be_no_ledger(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "ledger.json").write_bytes(raw)
    with pytest.raises(BrokenLedger, match="is not a ledger"):
        Ledger.read(tmp_path / "ledger.json")


def test_a_lower_epsilon_is_found_although_its_seal_is_right(
    document: Document, read: Callable[[Any], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can seal can still not claim: the epsilon is computed anew from the entries."""
    monkeypatch.setattr(Ledger, "epsilon", property(lambda ledger: 0.25))
    claimed = full().as_json()
    monkeypatch.undo()
    with pytest.raises(BrokenLedger, match="its entries add up to"):
        read(claimed)


# what may be looked at


@pytest.mark.parametrize("listed", [[], [asked("before", gauss(20.0))]])
def test_under_a_budget_nothing_is_looked_at_bare_for_the_release(listed: list[Entry]) -> None:
    ledger = Ledger([*listed], BUDGET)
    with pytest.raises(Unaccounted, match="it was not read"):
        ledger.look("autoencoder pre-training")
    assert ledger.entries == listed
    ledger.look("figures of the report", covers="report")
    assert ledger.epsilon == Ledger(listed, BUDGET).epsilon


def test_without_a_budget_it_is_and_the_epsilon_is_infinite() -> None:
    ledger = Ledger([asked()])
    ledger.look("autoencoder pre-training")
    assert [entry.query for entry in ledger.entries] == ["marginals", "autoencoder pre-training"]
    assert math.isinf(ledger.epsilon)


@pytest.mark.parametrize("covers", ["Release", "", "test", None])
def test_a_look_that_goes_into_nothing_known_is_refused(covers: Any) -> None:
    """Otherwise it would count for nothing, and a release would have it none the less."""
    ledger = Ledger(budget=BUDGET)
    with pytest.raises(ValueError, match="A look goes into release or report"):
        ledger.look("autoencoder", covers=covers)
    assert ledger.entries == []


def test_what_is_over_the_budget_is_refused_before_it_is_entered() -> None:
    ledger = Ledger(budget=BUDGET)
    half = gaussian_multiplier(epsilon=2.0, delta=1e-6) * math.sqrt(2)
    ledger.spend(asked("first half", gauss(half)))
    ledger.spend(asked("second half", gauss(half)))
    before = [*ledger.entries]
    for more in (gauss(half), gauss(100.0), SampledGaussian(noise_multiplier=5.0, sampling_probability=0.1, steps=9)):
        with pytest.raises(Unaccounted, match="over the budget of 2 at delta 1e-06: it was not read"):
            ledger.spend(asked("one more", more))
    assert ledger.entries == before
    assert ledger.epsilon <= 2.0 * (1 + 1e-9)


def test_an_answer_that_a_refusal_left_out_may_be_asked_for_again_with_more_noise() -> None:
    ledger = Ledger(budget=BUDGET)
    with pytest.raises(Unaccounted):
        ledger.spend(asked(mechanism=gauss(1.0)))
    ledger.spend(asked(mechanism=gauss(5.0)))
    assert len(ledger.entries) == 1


def test_an_epsilon_that_cannot_be_told_is_over_any_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.ledger.composed", lambda entries, delta: math.nan)
    ledger = Ledger(budget=BUDGET)
    with pytest.raises(Unaccounted):
        ledger.spend(asked())
    assert ledger.entries == []


def test_a_look_without_a_mechanism_is_not_spent_but_looked() -> None:
    for budget in (None, BUDGET):
        ledger = Ledger(budget=budget)
        with pytest.raises(Unaccounted, match="has no mechanism"):
            ledger.spend(Entry(query="autoencoder"))
        assert ledger.entries == []


# thresholds


def test_the_deltas_of_thresholds_are_taken_from_that_of_the_budget() -> None:
    ledger = Ledger([asked(added_delta=4e-7), asked("more", gauss(9.0), added_delta=5e-7)], BUDGET)
    assert ledger.added_delta == pytest.approx(9e-7)
    assert ledger.epsilon == pytest.approx(epsilon([gauss(5.0), gauss(9.0)], delta=1e-7))
    # control: at the whole delta it would be less
    assert ledger.epsilon > epsilon([gauss(5.0), gauss(9.0)], delta=1e-6) + 0.05


@pytest.mark.parametrize("added_delta", [1e-6, 2e-6, 0.5])
def test_a_threshold_that_needs_the_whole_delta_is_refused(added_delta: float) -> None:
    ledger = Ledger(budget=BUDGET)
    with pytest.raises(Unaccounted):
        ledger.spend(asked(mechanism=gauss(1_000.0), added_delta=added_delta))
    assert ledger.entries == []
    assert math.isinf(Ledger([asked(added_delta=added_delta)], BUDGET).epsilon)


def test_a_threshold_can_put_over_the_budget_what_fits_without_it() -> None:
    c = gaussian_multiplier(epsilon=2.0, delta=1e-6)
    with pytest.raises(Unaccounted):
        Ledger(budget=BUDGET).spend(asked(mechanism=gauss(c), added_delta=5e-7))
    Ledger(budget=BUDGET).spend(asked(mechanism=gauss(c)))


# epsilon


def test_an_empty_ledger_has_spent_nothing() -> None:
    assert Ledger().epsilon == 0
    assert Ledger(budget=BUDGET).epsilon == 0
    assert Ledger([Entry(query="figures", covers="report")], BUDGET).epsilon == 0


def test_without_a_budget_there_is_no_guarantee_however_much_noise() -> None:
    assert math.isinf(Ledger([asked(mechanism=gauss(1_000.0))]).epsilon)


def test_one_bare_look_voids_all_others() -> None:
    assert math.isinf(Ledger([asked(mechanism=gauss(1_000.0)), Entry(query="autoencoder")], BUDGET).epsilon)
    assert math.isfinite(Ledger([asked(mechanism=gauss(1_000.0))], BUDGET).epsilon)


def test_what_goes_into_the_report_is_not_in_the_epsilon_of_the_release() -> None:
    alone = Ledger([asked()], BUDGET)
    beside = Ledger([asked(), asked("figures", gauss(1.0), covers="report"), Entry(query="t", covers="report")], BUDGET)
    assert beside.epsilon == alone.epsilon


@pytest.mark.parametrize("sensitivity", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_mechanism_without_a_sensitivity_is_refused(sensitivity: float | None) -> None:
    with pytest.raises(ValueError, match="needs a finite sensitivity above 0"):
        asked(sensitivity=sensitivity)


@pytest.mark.parametrize("added_delta", [-1e-9, 1.0, 2.0, math.nan])
def test_a_threshold_cannot_give_delta_back(added_delta: float) -> None:
    with pytest.raises(ValueError, match="added_delta of a look must be in"):
        asked(added_delta=added_delta)


# several releases

looks = st.lists(st.floats(4.0, 40.0).map(lambda c: asked(mechanism=gauss(c))), min_size=1, max_size=3)


@given(st.lists(looks, min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_several_releases_cost_at_least_each_and_at_most_their_sum(listed: list[list[Entry]]) -> None:
    """Each is compared at the delta of all: at a larger delta even one alone has a smaller epsilon."""
    ledgers = [Ledger(one, BUDGET) for one in listed]
    together, delta = cumulative(ledgers)
    assert delta == pytest.approx(1e-6 * len(ledgers))
    assert together >= max(composed(one, delta) for one in listed) - 1e-9
    assert together <= sum(ledger.epsilon for ledger in ledgers) + 1e-6


def test_two_like_releases_cost_more_than_one_and_less_than_twice_as_much() -> None:
    one = Ledger([asked()], BUDGET)
    together, delta = cumulative([one, one])
    assert delta == 2e-6
    assert together == pytest.approx(epsilon([gauss(5.0 / math.sqrt(2))], delta=2e-6), abs=1e-6)
    assert 1.2 * one.epsilon < together < 1.8 * one.epsilon


def test_the_deltas_of_all_thresholds_are_taken_from_the_sum() -> None:
    with_threshold = Ledger([asked(added_delta=5e-7)], BUDGET)
    together, delta = cumulative([with_threshold, Ledger([asked()], BUDGET)])
    assert delta == 2e-6
    assert together == pytest.approx(epsilon([gauss(), gauss()], delta=1.5e-6))


def test_one_release_alone_costs_what_it_says() -> None:
    assert cumulative([full()]) == (full().epsilon, 1e-6)


@pytest.mark.parametrize(
    "open_one", [Ledger([Entry(query="autoencoder")]), Ledger([asked()]), Ledger([Entry(query="x")], BUDGET), Ledger()]
)
def test_one_release_without_a_guarantee_leaves_none_for_all(open_one: Ledger) -> None:
    assert cumulative([full(), open_one]) == (math.inf, 1.0)
    assert cumulative([open_one, full()]) == (math.inf, 1.0)


def test_a_report_is_not_a_release_that_adds_up() -> None:
    one = Ledger([asked()], BUDGET)
    beside = Ledger([asked(), Entry(query="figures", covers="report")], BUDGET)
    assert cumulative([one, beside]) == cumulative([one, one])
