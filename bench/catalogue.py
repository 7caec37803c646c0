"""What this project measures: its kernels, backends, scenarios, sweeps, and targets.

A new backend, scenario or kernel is one entry here and the function behind it.
"""

from functools import partial

from bench import backends, cold_start, environments, scenarios
from bench.adversarial import examples
from easy_marl.market import get_backend
from easy_marl.market.registry import VARIABLE
from pytest_duel.catalogue.model import Backend, Catalogue, Kernel, Role, Scenario, Sweep, Target

BATCH = 1000
"""Markets in one call of `clear_batch`."""
HOURS = 8784
"""Hours in the real fleet's year, all in one call of `clear_batch`."""

WHEEL = "rust_wheel"
"""The fixture that builds the Rust wheel and makes it importable."""

IN_NUMPY = (
    "easy_marl/market/numpy_backend.py",
    "easy_marl/market/reference.py",
    "easy_marl/market/reference_step.py",
)
IN_NUMBA = ("easy_marl/market/numba_backend.py", "easy_marl/market/numba_kernels.py")
IN_RUST = ("rust_market/", "easy_marl/market/rust_backend.py")

ENVIRONMENTS = (64, 1024, 4096)
"""In one vector environment."""
GENERATORS = (5, 20, 100)
"""In each of them."""

PLAIN = frozenset({scenarios.PLAIN})
SUPPLIED = PLAIN | {scenarios.SUPPLIED}
UNTIED = SUPPLIED | {scenarios.UNTIED}
CHOICE = ("numpy", "numba", "rust")
STUDY = ("study-numba", "study-rust", "study-views")
BESIDE = ("public", "floor")
PARALLEL = ("numba-parallel", "rust-parallel")
BESIDE_BATCHES = (*BESIDE, "fill", *PARALLEL, "numpy-argsort", "jax")
BESIDE_VECTORS = (*PARALLEL, "cartpole", "sync")

KERNELS = (
    Kernel(
        "clear",
        outputs=("price", "cleared"),
        adversarial=examples.clear_examples,
        title="One market a call",
        note="What a program pays that clears one market after the other.",
    ),
    Kernel(
        "clear_batch",
        outputs=("prices", "cleared"),
        batch=BATCH,
        arrange=scenarios.stack,
        adversarial=examples.batch_examples,
        title="Many markets a call",
        note=f"{BATCH:,} markets, or the {HOURS:,} hours of a year, in one call.",
    ),
    Kernel(
        "step_batch",
        outputs=("bad", "hours", "rewards", "observations", "prices", "dispatch", "profits"),
        item="step",
        batch=1024,
        arrange=environments.as_batches,
        adversarial=examples.step_examples,
        title="Environment steps: the kernel",
        note="Bids, clearing, rewards and observations of many environments in one call.",
    ),
    Kernel(
        "vector_step",
        outputs=(),
        item="step",
        batch=1024,
        arrange=environments.as_actions,
        rests_on="step_batch",
        title="Environment steps: Gymnasium's interface",
        note="The same with all that Gymnasium asks for, beside environments that users have.",
    ),
    Kernel(
        "gymnasium_step",
        outputs=(),
        item="step",
        arrange=environments.as_one,
        rests_on="step_batch",
        diagnostic=True,
        self_timed=True,
        title="Environment steps: Gymnasium's benchmark",
        note="It draws the actions within the measured time.",
    ),
    Kernel(
        "year",
        outputs=("rewards",),
        item="hour",
        batch=environments.HOURS,
        rests_on="step_batch",
        title="A year of a real fleet",
        note="As an environment: every unit acts, hour by hour.",
    ),
    Kernel(
        "cold_start",
        outputs=(),
        item="process",
        rests_on="clear",
        self_timed=True,
        title="Cold start",
        note="A new process, from its first import to its first price.",
    ),
    Kernel(
        "train",
        outputs=("profits",),
        item="step",
        batch=backends.TRAINING_STEPS,
        rests_on="clear",
        title="A training step",
        note="Learning in Python around the clearing: what a faster kernel gives in the end.",
    ),
    Kernel(
        "train_clearing",
        outputs=(),
        item="step",
        batch=backends.TRAINING_STEPS,
        rests_on="clear",
        diagnostic=True,
        self_timed=True,
        title="Clearing within a training step",
        note="The part of a training step that a backend can change.",
    ),
)

BACKENDS = (
    Backend("numpy", partial(backends.of_market, "numpy"), sources=IN_NUMPY),
    Backend("numba", partial(backends.of_market, "numba"), sources=IN_NUMBA),
    Backend("rust", partial(backends.of_market, "rust"), needs=WHEEL, sources=IN_RUST),
    Backend(
        "public",
        backends.public,
        Role.PUBLIC,
        needs=WHEEL,
        sources=(*IN_NUMPY, *IN_NUMBA, *IN_RUST),
        note="the public function on its default backend",
        detail=lambda: f"dispatches to {get_backend().name}",
    ),
    Backend(
        "study-numba",
        backends.study_numba,
        Role.BASELINE,
        domain=UNTIED,
        survives=SUPPLIED,
        note="the earlier study's numba code, right on untied bids only",
    ),
    Backend(
        "study-rust",
        backends.study_rust,
        Role.BASELINE,
        needs=WHEEL,
        sources=IN_RUST,
        domain=UNTIED,
        survives=SUPPLIED,
        note="its Rust code, whose arguments are copied element by element",
    ),
    Backend(
        "study-views",
        backends.study_views,
        Role.BASELINE,
        needs=WHEEL,
        sources=IN_RUST,
        domain=UNTIED,
        note="the same steps on the arrays as they lie in memory",
    ),
    Backend(
        "floor",
        backends.floor,
        Role.FLOOR,
        needs=WHEEL,
        sources=IN_RUST,
        note="the same call from Python with no work behind it",
    ),
    Backend(
        "rust-portable",
        backends.rust_portable,
        Role.VARIANT,
        needs=WHEEL,
        sources=IN_RUST,
        note="rust without AVX2, as on processors that lack it",
    ),
    Backend(
        "fill",
        backends.fill,
        Role.FLOOR,
        note="NumPy makes arrays like the outputs and fills them",
    ),
    Backend(
        "numba-parallel",
        partial(backends.parallel, "numba"),
        Role.VARIANT,
        sources=IN_NUMBA,
        threads=backends.THREADS,
        note=f"numba on {backends.THREADS} threads",
    ),
    Backend(
        "rust-parallel",
        partial(backends.parallel, "rust"),
        Role.VARIANT,
        needs=WHEEL,
        sources=IN_RUST,
        threads=backends.THREADS,
        note=f"rust on {backends.THREADS} threads",
    ),
    Backend(
        "numpy-argsort",
        backends.numpy_argsort,
        Role.BASELINE,
        domain=PLAIN,
        note="all rows at once in NumPy, without checks, tolerance or options",
    ),
    Backend(
        "cartpole",
        environments.cartpole,
        Role.BASELINE,
        note="Gymnasium's CartPole, vectorised in NumPy: what users have, not the same task",
    ),
    Backend(
        "sync",
        environments.sync,
        Role.BASELINE,
        needs=WHEEL,
        note="Gymnasium's vector of single bidding environments, on the default backend",
    ),
    Backend(
        "jax",
        backends.jax_vmap,
        Role.BASELINE,
        domain=PLAIN,
        optional=True,
        note="vmap in JAX on the CPU, without checks, tolerance or options, on threads of its own "
        "choice",
    ),
)

SCENARIOS = (
    Scenario(
        "uniform",
        scenarios.uniform,
        seed=1,
        traits=UNTIED,
        note="bids U(20, 100), quantities U(10, 50), demand 70 % of supply",
    ),
    Scenario(
        "uniform-2x",
        scenarios.uniform,
        seed=1,
        traits=UNTIED,
        pool_scale=2,
        diagnostic=True,
        note="the same with twice as many distinct markets",
    ),
    Scenario("tied", scenarios.tied, seed=2, traits=SUPPLIED, note="many equal bids"),
    Scenario("sorted", scenarios.ascending, seed=3, traits=UNTIED, note="bids in order already"),
    Scenario("reversed", scenarios.descending, seed=8, traits=UNTIED, note="bids in reverse"),
    Scenario("scarce", scenarios.scarce, seed=4, traits=PLAIN, note="more demand than supply"),
    Scenario(
        "float32",
        scenarios.single,
        seed=9,
        traits=frozenset({scenarios.SUPPLIED}),
        note="inputs in single precision",
    ),
    Scenario(
        "repeated",
        scenarios.repeated,
        seed=5,
        traits=UNTIED,
        diagnostic=True,
        note="one market again and again, which the processor learns: as no caller meets it",
    ),
    Scenario(
        "ACTIVSg2000",
        scenarios.fleet,
        seed=0,
        traits=SUPPLIED,
        batch=HOURS,
        note="a real fleet of 432 units over a year, bidding cost",
    ),
    Scenario(
        "ACTIVSg2000-markup",
        scenarios.fleet_markup,
        seed=6,
        traits=SUPPLIED,
        batch=HOURS,
        note="the same fleet, each unit adding up to 20 % anew each hour",
    ),
    Scenario(
        cold_start.EMPTY,
        lambda *_: [(cold_start.EMPTY,)],
        seed=0,
        note="with numba's compile cache empty",
    ),
    Scenario(
        cold_start.FILLED,
        lambda *_: [(cold_start.FILLED,)],
        seed=0,
        note="with numba's compile cache filled",
    ),
    *(
        Scenario(
            f"envs-{count}",
            partial(environments.steps, count),
            seed=10,
            batch=count,
            note=f"{count:,} environments in one call",
        )
        for count in ENVIRONMENTS
    ),
    Scenario(
        "fleet-year",
        environments.a_year,
        seed=11,
        batch=environments.HOURS,
        note="the 432 units of ACTIVSg2000, 8,784 hours",
    ),
    Scenario(
        "bidding", lambda n, _, seed: [(n, seed)], seed=7, least=2, note="the study's own training"
    ),
)

STUDY_SIZES = (5, 10, 20, 50, 100, 200)
FAMILIES = (
    ("tied", (50,), (50,)),
    ("sorted", (), (200,)),
    ("reversed", (), (200,)),
    ("scarce", (), (50,)),
    ("float32", (), (50,)),
)
"""Kinds of markets, with the sizes of the smoke and the default tier."""
FAMILY_SIZES = (5, 50, 200, 1000, 10_000)
FLEETS = ("ACTIVSg2000", "ACTIVSg2000-markup")
UNITS = 432
"""In the real fleet."""
BLOCKS = {"default": 4, "full": 4}
"""An even number, so that two cores are busy to the end."""

SWEEPS = (
    Sweep("clear", "uniform", (*CHOICE, "public", "floor"), {
        "smoke": (5, 50, 200),
        "default": (5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000),
        "full": (5, 10, 20, 50, 100, 200, UNITS, 500, 1000, 10_000, 100_000),
    }),
    Sweep("clear", "uniform", ("rust-portable", *STUDY), {
        "full": (5, 10, 20, 50, 100, 200, UNITS, 500, 1000, 10_000, 100_000),
    }),
    Sweep("clear", "uniform-2x", ("numba", "rust"), {"full": (5, 50, 200, 1000)}),
    Sweep("clear", "repeated", (*CHOICE, *STUDY, "floor"), {"full": STUDY_SIZES}),
    *(
        Sweep("clear", name, CHOICE, {"smoke": small, "default": one, "full": FAMILY_SIZES})
        for name, small, one in FAMILIES
    ),
    *(Sweep("clear", name, BESIDE, {"full": FAMILY_SIZES}) for name, _, _ in FAMILIES),
    *(Sweep("clear", name, CHOICE, {"default": (UNITS,)}) for name in FLEETS),
    *(Sweep("clear", name, BESIDE, {"full": (UNITS,)}) for name in FLEETS),
    Sweep("clear_batch", "uniform", CHOICE, {"smoke": (5,), "default": (5, 50, UNITS)}),
    Sweep("clear_batch", "uniform", BESIDE_BATCHES, {"full": (5, 50, UNITS)}),
    Sweep("clear_batch", "ACTIVSg2000", CHOICE, {"default": (UNITS,)}),
    Sweep("clear_batch", "ACTIVSg2000", BESIDE_BATCHES, {"full": (UNITS,)}),
    Sweep("clear_batch", "ACTIVSg2000-markup", (*CHOICE, *BESIDE), {"full": (UNITS,)}),
    *(
        Sweep("cold_start", name, CHOICE, {"full": (cold_start.UNITS,)})
        for name in (cold_start.EMPTY, cold_start.FILLED)
    ),
    Sweep("step_batch", "envs-1024", CHOICE, {"default": GENERATORS}),
    Sweep("step_batch", "envs-1024", PARALLEL, {"full": GENERATORS}),
    Sweep("vector_step", "envs-1024", CHOICE, {"default": (5,), "full": GENERATORS}),
    Sweep("vector_step", "envs-1024", BESIDE_VECTORS, {"full": GENERATORS}),
    *(
        Sweep(kernel, f"envs-{count}", subjects, {"full": GENERATORS})
        for kernel, subjects in (
            ("step_batch", (*CHOICE, *PARALLEL)), ("vector_step", (*CHOICE, *BESIDE_VECTORS))
        )
        for count in ENVIRONMENTS
        if count != 1024
    ),
    Sweep("gymnasium_step", "envs-1024", (*CHOICE, *BESIDE_VECTORS), {"full": (5,)}),
    Sweep("year", "fleet-year", CHOICE, {"full": (UNITS,)}),
    Sweep("train", "bidding", CHOICE, {"default": (5, 50), "full": (5, 50, 200)}),
    Sweep("train_clearing", "bidding", CHOICE, {"full": (5, 50, 200)}),
)  # fmt: skip
"""In the default tier is what a person chooses a backend by, within minutes."""


RUST, FLOOR = ("rust", "uniform"), ("floor", "uniform")
STUDY_NUMBA, NUMBA = ("study-numba", "uniform"), ("numba", "uniform")
RUST_PARALLEL, NUMBA_PARALLEL = ("rust-parallel", "uniform"), ("numba-parallel", "uniform")
ARGSORT = ("numpy-argsort", "uniform")
SMALL = (5, 10, 20, 50, 100, 200, 500, 1000)
LARGE = (10_000, 100_000)

TARGETS = (
    Target("clear", STUDY_NUMBA, RUST, (*SMALL, *LARGE), at_least=5.0),
    Target("clear", STUDY_NUMBA, RUST, (*SMALL, *LARGE), at_least=8.0, mean=True),
    Target("clear", NUMBA, RUST, SMALL, at_least=2.0),
    Target("clear", NUMBA, RUST, LARGE, at_least=1.5),
    Target("clear", RUST, FLOOR, (5,), at_most=2.0),
    *(Target("clear", ("rust", name), RUST, FAMILY_SIZES, at_most=1.3) for name, *_ in FAMILIES),
    *(Target("clear", ("rust", name), RUST, (UNITS,), at_most=1.3) for name in FLEETS),
    Target("clear_batch", ARGSORT, RUST, (5, 50, UNITS), at_least=6.0),
    Target("clear_batch", NUMBA, RUST, (5,), at_least=2.0),
    Target("clear_batch", NUMBA, RUST, (50, UNITS), at_least=5.0),
    Target("clear_batch", NUMBA_PARALLEL, RUST_PARALLEL, (5,), at_least=2.0),
    Target("clear_batch", NUMBA_PARALLEL, RUST_PARALLEL, (50, UNITS), at_least=5.0),
    Target("clear_batch", RUST, RUST_PARALLEL, (5, 50, UNITS), at_least=1.8),
    Target("clear_batch", ("rust", "ACTIVSg2000"), ("fill", "ACTIVSg2000"), (UNITS,), at_most=2.0),
    *(
        Target("vector_step", (slow, "envs-1024"), ("rust", "envs-1024"), (5,), at_least=ratio)
        for slow, ratio in (("cartpole", 1.0), ("numpy", 5.0), ("numba", 1.5), ("sync", 100.0))
    ),
    Target(
        "step_batch",
        ("rust", "envs-4096"),
        ("rust-parallel", "envs-4096"),
        (20, 100),
        at_least=1.7,
    ),
    Target("year", ("numpy", "fleet-year"), ("rust", "fleet-year"), (UNITS,), at_least=10.0),
)


def catalogue() -> Catalogue:
    """Return all that this project measures."""
    return Catalogue(
        reference="numpy",
        kernels={kernel.name: kernel for kernel in KERNELS},
        backends={backend.name: backend for backend in BACKENDS},
        scenarios={scenario.name: scenario for scenario in SCENARIOS},
        sweeps=SWEEPS,
        packages=("easy_marl", "numpy", "numba", "llvmlite"),
        targets=TARGETS,
        counted="units",
        variables=(VARIABLE,),
        blocks=BLOCKS,
    )
