"""What the attacks that need the generator add: shadows of it, and the critic of an adversarial one.

    python -m benchmarks.leaks.with_generator benchmarks/results/with_generator.json --from 5 --seeds 5 --silence 20
    python -m benchmarks.leaks.with_generator OUT --seeds 1 --critic-seeds 0 --shadows 8    # a glance

The suite's worlds and sizes. Shadows: of the population's own generators, beside the kernel alone on the same targets
(`pipelines.shadows.choose_targets`); --silence more worlds have no leak only. Seeds 0 to 4 are those on which the
statistic was chosen. Critic: of the suite's over-trained medGAN after its last pass, on all members and non-members,
beside the kernel on its release; and on two groups never seen, where nothing is to be found. A fit takes minutes, so
--critic-seeds are fewer, from 0. OUT is written after every seed; what it holds of the same versions, code and numbers
is not repeated, and what it holds of others is dropped.
"""

import argparse
import ast
import hashlib
import inspect
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.leaks import population
from benchmarks.leaks.overtrained import FAULTS
from benchmarks.leaks.population import Dense, Population, World, world_of
from benchmarks.leaks.suite import NO_LEAK, ONE_PERCENT, PASSES
from benchmarks.leaks.summary import Document, share, spread
from pipelines import shadows as stage
from pipelines.shadows import choose_targets, shadow_attack
from privacy.attack import Finding
from privacy.ledger import Ledger
from privacy.membership import density, shadow
from privacy.membership.density import kernel_ratio
from privacy.membership.discriminator import ATTACK, Critic, discriminator
from privacy.membership.measure import PRIOR, measure
from privacy.membership.tier import CLOSEST
from privacy.patients import Patients
from privacy.ranks import Targets
from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.landing import versions, write_text
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.model import Medgan
from synthehr.models.medgan.networks import Discriminator
from synthehr.models.sizes import extended, size_heads, size_values

LEAKS: Mapping[str, Callable[[World, int], Dense]] = {
    NO_LEAK: lambda world, n: world.no_leak(n),
    "copy, 50 % redrawn": lambda world, n: world.redrawn(0.5, n),
    "copy, 70 % redrawn": lambda world, n: world.redrawn(0.7, n),
    "over-fitted mixture": lambda world, n: world.overfitted(len(world.members) // 2, n),
    ONE_PERCENT: lambda world, n: world.verbatim(0.01, n),
}
OVERTRAINED, NEVER_SEEN = "over-trained medGAN", "over-trained medGAN, non-members against fresh patients"
METRICS = ("auc", "tpr_at_fpr_0.01", "p")
Figures = dict[str, float]
Rows = dict[str, dict[str, Figures]]  # by leak and attack


@dataclass(frozen=True, kw_only=True)
class Leaky:
    """A generator with a planted leak, of `LEAKS`, that draws n; a `privacy.membership.shadow.Train`, picklable."""

    population: Population
    leak: str
    n: int

    def __call__(self, training: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
        """The leaky release of a world whose members are the training records, CSR of 0 and 1."""
        nobody = np.zeros((0, training.shape[1]), dtype=np.uint8)
        rng = np.random.default_rng([seed, 5])  # not the stream from which a world of this seed is drawn
        world = World(self.population, training.toarray(), nobody, nobody, nobody, rng)
        return sparse.csr_matrix(LEAKS[self.leak](world, self.n))


def with_shadows(world: World, seed: int, numbers: Sequence[int], leaks: Sequence[str]) -> Rows:
    """What shadows in each of the numbers find, and the kernel alone."""
    patients, rows = world.patients(), Rows()
    reference = patients.reference
    asked = choose_targets(patients.members, patients.nonmembers, reference, seed=seed)
    kernel = kernel_ratio(asked.targets, reference)
    for leak in leaks:
        train = Leaky(population=world.population, leak=leak, n=reference.shape[0])
        release = train(patients.members, seed)
        rows[leak] = {}
        for k in numbers:
            with tempfile.TemporaryDirectory() as folder:
                attack = shadow_attack(asked, reference, train, Path(folder), shadows=k, prior=PRIOR, seed=seed)
                rows[leak][f"shadows, K = {k}"] = figures(attack(release))
        rows[leak][CLOSEST] = measured(CLOSEST, kernel(release), asked.is_member, seed)
    return rows


def with_critic(world: World, seed: int, passes: int) -> Rows:
    """What the critic of a medGAN over-trained on the members finds, and the kernel on that medGAN's release."""
    patients, rows = world.patients(), Rows()
    release, critic = release_and_critic(patients, seed, passes)
    unseen = (patients.nonmembers, patients.fresh)
    for row, sides in {OVERTRAINED: (patients.members, patients.nonmembers), NEVER_SEEN: unseen}.items():
        targets = sparse.vstack(sides, format="csr")
        is_first = np.arange(targets.shape[0]) < sides[0].shape[0]
        by_critic = discriminator(targets, patients.reference, critic)
        scorers = {ATTACK: by_critic, CLOSEST: kernel_ratio(targets, patients.reference)}
        rows[row] = {name: measured(name, score(release), is_first, seed) for name, score in scorers.items()}
    return rows


def release_and_critic(patients: Patients, seed: int, passes: int) -> tuple[sparse.csr_matrix, Critic]:
    """Records of a medGAN over-trained as in `overtrained`, and its critic, from the last checkpoint of the fit."""
    d, n = len(patients.codes), patients.members.shape[0]
    vocabulary = Vocabulary(tuple(f"SIM/{j}" for j in range(d)), ("",) * d, (None,) * d)
    twice = canonical(sparse.vstack([patients.members, patients.members]))
    split = np.repeat([SPLITS.index("train"), SPLITS.index("validation")], n).astype(np.uint8)
    cohort, model = Cohort(CodeMatrix(twice, np.arange(2 * n), vocabulary), split), Medgan(**FAULTS, epochs=passes)
    with tempfile.TemporaryDirectory() as folder:
        model.fit(cohort, seed=seed, workspace=Path(folder), ledger=Ledger())
        state = torch.load(Path(folder) / "adversarial.pt", weights_only=True)["discriminator"]
    made = model.sample(patients.reference.shape[0], rng=np.random.default_rng([seed, 1]))
    critic = rebuilt(state, cohort.part("train"), model.options.discriminator_dims, patients.reference)
    return sparse.csr_matrix(made > 0, dtype=np.uint8), critic


@torch.no_grad()
def rebuilt(
    state: Mapping[str, torch.Tensor], train: CodeMatrix, dims: tuple[int, ...], reference: sparse.csr_matrix
) -> Critic:
    """The critic from its weights: records get their size columns and the game's order of columns.

    For its batch's mean every record meets that of the reference sample, folded into the bias of the first layer.
    """
    heads = size_heads(train.vocabulary, size_values(train))
    order = Columns.of(extended(train, heads).vocabulary).order
    network = Discriminator(len(order), dims)
    network.load_state_dict(state)

    def inner(records: sparse.csr_matrix) -> torch.Tensor:
        matrix = CodeMatrix(canonical(records), np.arange(records.shape[0]), train.vocabulary)
        return torch.from_numpy(extended(matrix, heads).binary()[:, order].toarray().astype(np.float32))

    network.of_record.bias.add_(network.of_average(inner(reference).mean(dim=0)))
    network.of_average.weight.zero_()
    return lambda records: network(inner(records)).detach().numpy().astype(np.float64)


def measured(attack: str, scores: NDArray[np.float64], is_member: NDArray[np.bool_], seed: int) -> Figures:
    """The figures of the scores that an attack gives."""
    sides = Targets(scores[is_member], scores[~is_member])
    return figures(measure(attack, "", sides, seed=np.random.SeedSequence(seed), n_members=len(sides.members)))


def figures(findings: Sequence[Finding]) -> Figures:
    """AUC with its interval, TPR at 1 % FPR, p, and how many members were attacked."""
    auc, tpr = (next(f for f in findings if f.metric == metric) for metric in METRICS[:2])
    assert auc.p is not None, "the AUC decides"
    (value, low, high), share_found = auc.estimate, tpr.estimate.value
    return {"auc": value, "auc_low": low, "auc_high": high, tpr.metric: share_found, "p": auc.p, "n": auc.n}


def over_seeds(documents: Sequence[Document]) -> Document:
    """Leak -> attack -> each figure over seeds, and the share of seeds with p < .05."""
    table: dict[str, Any] = {}
    names = dict.fromkeys((row, attack) for one in documents for row in one["rows"] for attack in one["rows"][row])
    for row, attack in names:
        seeds = [one["rows"][row][attack] for one in documents if attack in one["rows"].get(row, {})]
        hits = {"p below .05": share([seed["p"] < 0.05 for seed in seeds])}
        table.setdefault(row, {})[attack] = hits | {name: spread([seed[name] for seed in seeds]) for name in METRICS}
    return table


def print_table(table: Document) -> None:
    """One row a leak and one column an attack, in Markdown; a table for each set of attacks."""
    header: list[str] = []
    for leak, row in table.items():
        if list(row) != header:
            header = list(row)
            names = " | ".join(f"{attack}: AUC, TPR at 1 % FPR, p < .05" for attack in header)
            print(f"\n| leak | {names} |\n{'|---' * (len(header) + 1)}|")
        cells = []
        for cell in row.values():
            hits, told = cell["p below .05"], [f"{cell[name]['value']:.3f}" for name in METRICS[:2]]
            cells.append(f"{', '.join(told)}, {round(hits['value'] * hits['n'])} of {hits['n']}")
        print(f"| {leak} | {' | '.join(cells)} |")


def code_of(numbers: Sequence[int]) -> dict[bool, str]:
    """A digest of what decides the figures of shadows (False) and critic (True): their code, and how many shadows."""
    sources = {
        False: (population, stage, shadow, density, Leaky, with_shadows),
        True: (population, density, with_critic, release_and_critic, rebuilt),
    }
    text = {critic: "".join(map(bare, parts)) for critic, parts in sources.items()}
    text[False] += f"{sorted(numbers)} {sorted(LEAKS)}"
    return {critic: hashlib.sha256(told.encode()).hexdigest()[:16] for critic, told in text.items()}


def bare(part: Any) -> str:
    """The source of a module, class or function without comments and docstrings, which decide no figure."""
    tree = ast.parse(inspect.getsource(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def main() -> None:
    """All seeds of the shadows, then of the critic; write after each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--silence", type=int, default=0)
    parser.add_argument("--critic-seeds", type=int, default=3)
    parser.add_argument("--shadows", type=int, nargs="+", default=[8, 16])
    given = parser.parse_args()
    torch.set_num_threads(1)
    facts, code = {"versions": versions(), "passes": PASSES}, code_of(given.shadows)
    earlier: Document = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    done = list(earlier["by_seed"]) if all(earlier.get(name) == fact for name, fact in facts.items()) else []
    done = [one for one in done if one.get("code") == code[OVERTRAINED in one["rows"]]]
    quiet = given.first + given.seeds  # the first seed of a world without a leak
    tasks = [(seed, list(LEAKS) if seed < quiet else [NO_LEAK]) for seed in range(given.first, quiet + given.silence)]
    tasks += [(seed, [OVERTRAINED, NEVER_SEEN]) for seed in range(given.critic_seeds)]
    for seed, leaks in tasks:
        if any(one["seed"] == seed and set(one["rows"]) >= set(leaks) for one in done):
            continue
        world, critic = world_of(seed, 2_000, 2_000, 4_000), OVERTRAINED in leaks
        rows = with_critic(world, seed, PASSES) if critic else with_shadows(world, seed, given.shadows, leaks)
        done = [one for one in done if one["seed"] != seed or (OVERTRAINED in one["rows"]) != critic]
        done.append({"seed": seed, "code": code[critic], "rows": rows})
        done.sort(key=lambda one: (OVERTRAINED in one["rows"], one["seed"]))
        write_text(given.out, json.dumps({**facts, "figures": over_seeds(done), "by_seed": done}, indent=1) + "\n")
        print(f"{'critic' if critic else 'shadows'}, seed {seed}", flush=True)
    print_table(over_seeds(done))


if __name__ == "__main__":
    main()
