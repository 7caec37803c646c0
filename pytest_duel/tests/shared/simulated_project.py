"""A project with a compiled backend, of which nothing is ever run."""

from pathlib import Path

from pytest_duel.catalogue.model import Backend, Catalogue, Kernel, Role, Scenario, Sweep
from pytest_duel.catalogue.project import Project

IN_NUMBA, IN_RUST = "package/numba_code.py", "package/rust_code.py"
RUST = ("library/", IN_RUST)

BACKENDS = (
    Backend("numpy", dict, sources=("package/numpy_code.py",)),
    Backend("numba", dict, sources=(IN_NUMBA,)),
    Backend("rust", dict, needs="built", sources=RUST),
    Backend("rust-parallel", dict, Role.VARIANT, needs="built", sources=RUST, threads=2),
    Backend("floor", dict, Role.FLOOR, needs="built", sources=RUST),
)
KERNELS = (
    Kernel("clear", ("price", "cleared")),
    Kernel("clear_batch", ("prices", "cleared"), batch=1000),
    Kernel("cold_start", (), self_timed=True),
    Kernel("train", ("profits",)),
)
SCENARIOS = ("uniform", "fleet", "empty", "bidding")
CHOICE = ("numpy", "numba", "rust")
SWEEPS = (
    Sweep("clear", "uniform", (*CHOICE, "floor"), {"default": (5, 50, 200)}),
    Sweep("clear", "fleet", CHOICE, {"default": (432,)}),
    Sweep("clear_batch", "uniform", (*CHOICE, "rust-parallel"), {"default": (5, 50)}),
    Sweep("cold_start", "empty", CHOICE, {"default": (1,)}),
    Sweep("train", "bidding", CHOICE, {"default": (5, 50)}),
)


def catalogue() -> Catalogue:
    return Catalogue(
        reference="numpy",
        kernels={one.name: one for one in KERNELS},
        backends={one.name: one for one in BACKENDS},
        scenarios={name: Scenario(name, lambda *_: [], seed=1) for name in SCENARIOS},
        sweeps=SWEEPS,
        packages=("numpy",),
    )


def project() -> Project:
    """Return the project of the current folder."""
    return Project(
        root=Path.cwd(),
        catalogue=catalogue(),
        packages=(),
    )
