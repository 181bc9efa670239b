"""The tools that are compared, each with what pip resolved for it, and one run of one of them under its limits."""

import math
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import interpreter
from benchmarks.peers.run import written
from benchmarks.peers.tools import Limits, Peer, run_worker
from privacy.accountant import epsilon
from privacy.mechanisms import Gaussian
from synthehr.cohort.cohort import Cohort

DPMM = (
    ("dpmm==0.1.9", "cloudpickle==3.1.3", "deprecated==1.3.1", "joblib==1.6.0", "opendp==0.12.1", "scipy==1.17.1"),
    ("networkx==2.8.8", "numpy==1.26.4", "pandas==2.1.0", "scikit-learn==1.5.0", "tqdm==4.70.1"),
)
# all that it requires but opacus and pac-synth, which others of its synthesizers import, with a torch of 6 GB
SMARTNOISE = (
    ("mbi==1.1.0", "jax==0.10.2", "jaxlib==0.10.2", "chex==0.1.92", "optax==0.2.8", "networkx==3.6.1"),
    ("smartnoise-sql==1.0.10", "opendp==0.14.2", "numpy==2.4.6", "pandas==2.3.3", "scipy==1.17.1"),
    ("disjoint-set==0.9.0", "faker==40.63.0"),
    ("--no-deps", "smartnoise-synth==1.0.8"),
)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One synthesizer. model: its name inside its package, whose environment it shares with others of that package.

    draws: what its worker writes, a row each; the first, "drawn", is as the package draws by itself.
    """

    package: str
    model: str
    installs: tuple[tuple[str, ...], ...] = ()
    draws: tuple[str, ...] = ("drawn",)

    @property
    def name(self) -> str:
        """Package and model, as rows are named."""
        return f"{self.package} {self.model}"

    @property
    def rows(self) -> dict[str, str]:
        """Names of its rows, by draw."""
        return {draw: self.name if draw == "drawn" else f"{self.name}, {draw}" for draw in self.draws}

    def peer(self) -> Peer:
        """As the runner of workers knows it; its scripts lie beside this file."""
        worker = f"../{Path(__file__).parent.name}/{self.package}_worker.py"
        return Peer(name=self.model, worker=worker, installs=self.installs)


TOOLS = (
    Tool(package="synthehr", model="private_copula"),
    Tool(package="synthehr", model="private_independent"),
    Tool(package="dpmm", model="mst", installs=DPMM),
    Tool(package="dpmm", model="priv-bayes", installs=DPMM),
    Tool(package="dpmm", model="aim", installs=DPMM),
    Tool(package="smartnoise", model="mst", installs=SMARTNOISE, draws=("drawn", "sampled")),
    Tool(package="smartnoise", model="aim", installs=SMARTNOISE, draws=("drawn", "sampled")),
)


@dataclass(frozen=True)
class Setting:
    """One comparison. folder: of the whole cohort, whose manifest says that its vocabulary is public. work,
    environments: folders for what is drawn and for virtual environments.
    """

    folder: Path
    work: Path
    environments: Path
    epsilon: float
    delta: float
    seed: int
    limits: Limits


def run(tool: Tool, cohort: Cohort, setting: Setting) -> tuple[Path, dict[str, Any]]:
    """The task's folder, with a matrix a draw if all went well, and what the run said; `ended` where it did not finish.

    cpu_seconds: of the whole process, whether it finished or not, with the start of Python and the import of packages.
    """
    told = {"model": tool.model, "epsilon": setting.epsilon, "delta": setting.delta}
    task = written(setting.work / tool.name.replace(" ", "_"), cohort, None, **told).resolve()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        python = interpreter(tool.package, tool.installs, setting.environments)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = run_worker(tool.peer(), python, task, cohort=setting.folder, seed=setting.seed, limits=setting.limits)
    except RuntimeError as error:
        said = {"ended": str(error)}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said["cpu_seconds"] = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    if "rho" in said.get("settings", {}):
        said["settings"]["epsilon_of_gaussian"] = epsilon_of(said["settings"]["rho"], setting.delta)
    return task, said


def epsilon_of(rho: float, delta: float) -> float:
    """Epsilon, by our accountant, of one Gaussian answer that is rho-zCDP: what is lost by counting in rho."""
    return epsilon([Gaussian(noise_multiplier=math.sqrt(1 / (2 * rho)))], delta=delta)
