"""Shadows: the attacker trains generators of the run's kind, with and without each patient he asks about.

No other attack knows how the generator was trained. It costs as many trainings, so it is tried only where it is asked
for; whatever has been trained stands in a workspace beside the landing until that is complete.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipelines.executor import map_shards
from pipelines.generate import on_one_thread
from privacy.attack import Attack, Finding
from privacy.ledger import Ledger
from privacy.membership.density import kernel_ratio
from privacy.membership.measure import measure
from privacy.membership.neighbours import rarity_weights
from privacy.membership.shadow import ATTACK, KNOWLEDGE, Shadows
from privacy.membership.vulnerable import most_vulnerable
from privacy.ranks import Targets
from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.errors import BadRequest
from synthehr.landing import versions, write_text
from synthehr.models.registry import create
from synthehr.progress import Progress, silent

log = logging.getLogger("synthehr")
ASKED = "asked.json"
# half of them non-members, give or take 17: a TPR at 1 % FPR takes 500 non-members, which must not turn on the draw
MOST_TARGETS = 1_200


@dataclass(frozen=True, kw_only=True)
class TrainShadow:
    """A run's generator trained on other records; a `privacy.membership.shadow.Train` that can be pickled.

    model, options: of the run. validation: the attacker's records by which he chooses the checkpoint; their vocabulary
    is that of all records. n: how many patients to draw, as many as the release has.
    """

    model: str
    options: Mapping[str, Any]
    validation: CodeMatrix
    n: int

    def __call__(self, training: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
        """Train on `training`, CSR of 0 and 1, and draw the shadow's release, likewise."""
        sizes = {"train": training.shape[0], "validation": len(self.validation)}
        counts = canonical(sparse.vstack([training, self.validation.binary()], format="csr"))
        matrix = CodeMatrix(counts, np.arange(counts.shape[0], dtype=np.int64), self.validation.vocabulary)
        split = np.repeat(np.array([SPLITS.index(name) for name in sizes], dtype=np.uint8), list(sizes.values()))
        drawn = on_one_thread(lambda: self._drawn(Cohort(matrix, split), seed))
        return CodeMatrix(drawn, -np.arange(1, self.n + 1, dtype=np.int64), matrix.vocabulary).binary()

    def _drawn(self, cohort: Cohort, seed: int) -> sparse.csr_matrix:
        generator = create(self.model, options=self.options)
        with tempfile.TemporaryDirectory(prefix="synthehr-shadow-") as workspace:
            generator.fit(cohort, seed=seed, workspace=Path(workspace), ledger=Ledger())
        return generator.sample(self.n, rng=np.random.default_rng(seed))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The patients whom the attacker asks about, and what he holds of others.

    targets: CSR of 0 and 1, (n_targets, n_codes), in random order. is_member: (n_targets,), which no attack sees. pool:
    his own records, on which every shadow is trained. note: who the targets are, and how many records a
    shadow is trained on.
    """

    targets: sparse.csr_matrix
    is_member: NDArray[np.bool_]
    pool: sparse.csr_matrix
    note: str


def choose_targets(
    members: sparse.csr_matrix,
    nonmembers: sparse.csr_matrix,
    reference: sparse.csr_matrix,
    *,
    seed: int,
    most: int = MOST_TARGETS,
) -> Asked:
    """The most vulnerable of as many members as non-members; of all others but members the attacker takes his own.

    All CSR of 0 and 1 over the same codes; nobody in two of them. The two sides are ranked together, without regard to
    who is a member: were each side's most vulnerable taken, those of the larger would be the more unusual, and members
    would be told from non-members where nothing leaked.
    """
    rng = np.random.default_rng(seed)
    sides = (members, nonmembers)
    m = min(side.shape[0] for side in sides)
    drawn = [rng.permutation(side.shape[0])[:m] for side in sides]
    shuffled = rng.permutation(2 * m)
    both = sparse.vstack([side[rows] for side, rows in zip(sides, drawn, strict=True)], format="csr")[shuffled]
    chosen = most_vulnerable(both, reference, rarity_weights(reference), most)
    is_member = shuffled[chosen] < m
    others = np.ones(nonmembers.shape[0], dtype=bool)
    others[drawn[1][shuffled[chosen][~is_member] - m]] = False
    held = sparse.vstack([reference, nonmembers[others]], format="csr")
    pool, note = _as_trained(held, len(is_member) // 2, members.shape[0], rng)
    return Asked(
        targets=both[chosen],
        is_member=is_member,
        pool=pool,
        note=f"Attacked: of {m:,} members and as many non-members the {len(is_member):,} farthest from the reference "
        f"sample; {int(is_member.sum()):,} are members. {note}",
    )


def _as_trained(held: sparse.csr_matrix, half: int, n: int, rng: np.random.Generator) -> tuple[sparse.csr_matrix, str]:
    """As many of the records held, at random, as with half the targets make n, on which the generator was trained.

    The attacker knows how it was trained. On more records a shadow would be shown each target less than the generator
    was shown its members, and give less of him away. All where there are fewer; and what is to be said of it.
    """
    pool = held[np.sort(rng.permutation(held.shape[0])[: n - half])]
    size = half + pool.shape[0]
    told = "as was the generator" if size == n else f"all that the attacker holds; the generator was on {n:,}"
    return pool, f"A shadow is trained on {size:,} records, {told}."


def shadow_attack(
    asked: Asked,
    reference: sparse.csr_matrix,
    train: Callable[[sparse.csr_matrix, int], sparse.csr_matrix],
    workspace: Path,
    *,
    shadows: int,
    prior: float,
    seed: int,
    progress: Progress = silent,
) -> Attack:
    """Train the shadows that `workspace` does not hold yet, on one process or many; the attack that they prepare.

    The attack has read the workspace and needs it no longer.

    reference: as in `choose_targets`. train: a `Train` that can be pickled. shadows: K. prior: see `measure`.
    `exposed_patients` counts the members attacked alone: what holds of the most vulnerable does not hold of all.

    Raises:
        ValueError: fewer than 8 shadows, an odd number, or a workspace of others; fewer than 2 targets a side.
    """
    scorer = kernel_ratio(asked.targets, reference)
    held = Shadows(
        targets=asked.targets,
        pool=asked.pool,
        train=train,
        scorer=scorer,
        shadows=shadows,
        seed=seed,
        workspace=workspace,
    )

    def run(function: Callable[[int], None], numbers: Iterable[int]) -> Iterator[None]:
        missing = list(numbers)
        progress("shadow generators", shadows - len(missing), shadows, "generators")
        for k, _ in enumerate(map_shards(function, missing), shadows - len(missing) + 1):
            progress("shadow generators", k, shadows, "generators")
            yield

    held.train_all(run)
    score = held.prepared()

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        scores = score(release)
        sides = Targets(scores[asked.is_member], scores[~asked.is_member])
        # a new sequence each time, so that each release meets the same one
        found = measure(
            ATTACK, KNOWLEDGE, sides, seed=np.random.SeedSequence(seed), n_members=len(sides.members), prior=prior
        )
        return [replace(figure, note=f"{asked.note} {figure.note}".strip()) for figure in found]

    return attack


def workspace_path(out: Path) -> Path:
    """Where the shadows of the evaluation landing `out` stand until it is complete."""
    return out.absolute().parent / f"{out.name}.shadows"


def open_workspace(out: Path, request: Mapping[str, Any]) -> Path:
    """The workspace of this very request; what another request or version left there is cleared.

    Raises:
        BadRequest: a folder of that name that no evaluation left; it might be somebody's data.
    """
    workspace = workspace_path(out)
    mark, text = workspace / ASKED, json.dumps({**request, "versions": versions()}, sort_keys=True)
    if mark.is_file():
        if mark.read_text(encoding="utf-8") == text:
            log.info("shadows: going on from those that are trained")
            return workspace
        log.info("shadows: what was interrupted here was another request or version; starting afresh")
        shutil.rmtree(workspace)
    elif workspace.exists() and (not workspace.is_dir() or any(workspace.iterdir())):
        raise BadRequest(
            f"{workspace} is where shadows would be kept, and no evaluation left it there; it is left as it is. Move "
            "it, or choose another --out."
        )
    workspace.mkdir(parents=True, exist_ok=True)
    write_text(mark, text)
    return workspace
