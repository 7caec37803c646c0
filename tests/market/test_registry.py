"""Which backends are found: in new processes, since a process decides once."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import easy_marl.market as market
from easy_marl.market import Backend, BackendUnavailable

ROOT = Path(__file__).parents[2]
PRELUDE = """
import json, sys
sys.path.insert(0, {folder!r})
for name in {blocked!r}:
    sys.modules[name] = None
"""
DEFAULT = """
from easy_marl.market import get_backend
try:
    print(json.dumps(get_backend().name))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
STATUS = """
from easy_marl.market import backends
print(json.dumps([[s.name, s.version, s.reason, s.available] for s in backends()]))
"""


def run(
    code: str, folder: Path = ROOT, blocked: Sequence[str] = (), variable: str | None = None
) -> Any:
    """Run `code` in a new process and return what it prints, read as JSON."""
    environment = {name: value for name, value in os.environ.items()
                   if name != "EASY_MARL_BACKEND"}  # fmt: skip
    environment["PYTHONPATH"] = str(ROOT)
    if variable is not None:
        environment["EASY_MARL_BACKEND"] = variable
    prelude = PRELUDE.format(folder=str(folder), blocked=list(blocked))
    done = subprocess.run(
        [sys.executable, "-c", prelude + code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def known() -> str:
    """Return the names of all backends, as messages list them."""
    names = [status.name for status in market.backends()]
    assert names[:3] == ["rust", "numba", "numpy"]
    return ", ".join(map(repr, names))


@pytest.fixture
def fake_rust(tmp_path: Path) -> Path:
    """Return a folder with a module `rust_market` in it."""
    (tmp_path / "rust_market.py").write_text(
        "__version__ = '9.9'\n"
        "def build_info(): return {}\n"
        "def clear(*a, **k): return 'clear'\n"
        "def clear_batch(*a, **k): return 'clear_batch'\n"
        "def step_batch(*a, **k): return 'step_batch'\n"
    )
    return tmp_path


def test_importing_the_market_imports_no_backend() -> None:
    code = "import easy_marl.market; print(json.dumps(sorted(sys.modules)))"
    assert not {"numba", "rust_market", "easy_marl.market.reference"} & set(run(code))


@pytest.mark.parametrize(
    ("blocked", "default"),
    [((), "rust"), (("rust_market",), "numba"), (("rust_market", "numba"), "numpy")],
)
def test_default_is_the_first_that_is_installed(
    fake_rust: Path, blocked: Sequence[str], default: str
) -> None:
    assert run(DEFAULT, fake_rust, blocked) == default


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("numpy", "numpy"), ("numba", "numba"), ("", "rust")],
)
def test_environment_names_the_default(fake_rust: Path, variable: str, expected: str) -> None:
    assert run(DEFAULT, fake_rust, variable=variable) == expected


def test_environment_names_no_backend(fake_rust: Path) -> None:
    said = f"EASY_MARL_BACKEND is 'foo': EASY_MARL_BACKEND must be one of {known()}"
    assert run(DEFAULT, fake_rust, variable="foo") == ["ValueError", said]


def test_environment_names_a_missing_backend() -> None:
    kind, message = run(DEFAULT, blocked=["numba"], variable="numba")
    assert kind == "BackendUnavailable"
    assert "pip install numba" in message


def test_environment_is_read_once() -> None:
    code = """
import os
from easy_marl.market import get_backend
first = get_backend().name
os.environ["EASY_MARL_BACKEND"] = "numba"
print(json.dumps([first, get_backend().name]))
"""
    assert run(code, variable="numpy") == ["numpy", "numpy"]


def test_missing_backends_say_how_to_get_them() -> None:
    rust, numba, numpy, *_ = run(STATUS, blocked=["rust_market", "numba"])
    assert rust[:2] == ["rust", None]
    assert "rust_market is not installed" in rust[2]
    assert "cd rust_market && maturin build --release" in rust[2]
    assert numba[:2] == ["numba", None]
    assert "pip install numba" in numba[2]
    assert numpy == ["numpy", np.__version__, None, True]
    assert not rust[3]
    assert not numba[3]


def test_source_folder_of_rust_market_is_no_backend(tmp_path: Path) -> None:
    """It imports, as an empty namespace package."""
    (tmp_path / "rust_market").mkdir()
    rust = run("import rust_market\n" + STATUS, tmp_path)[0]
    if rust[3]:
        pytest.skip("rust_market is installed here")
    assert "rust_market is not installed" in rust[2]


@pytest.mark.parametrize("kind", ["ImportError", "RuntimeError", "OSError"])
def test_broken_backends_say_what_they_raised(tmp_path: Path, kind: str) -> None:
    for package in "rust_market", "numba":
        (tmp_path / f"{package}.py").write_text(f"raise {kind}('glibc is too old')\n")
    rust, numba, *_ = run(STATUS, tmp_path)
    assert rust[1:3] == [None, f"rust_market does not import: {kind}: glibc is too old"]
    assert numba[1:3] == [None, f"numba does not import: {kind}: glibc is too old"]
    assert run(DEFAULT, tmp_path) == "numpy"


WARNED = """
import warnings
from easy_marl.market import clear, get_backend
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        clear([1.0], [1.0], 0.5)
    name = get_backend().name
print(json.dumps([name, [[w.category.__name__, str(w.message)] for w in caught]]))
"""


def test_a_default_that_does_not_work_is_skipped_with_one_warning(tmp_path: Path) -> None:
    for package in "rust_market", "numba":
        (tmp_path / f"{package}.py").write_text("raise OSError('glibc is too old')\n")
    why = "is skipped as the default: {} does not import: OSError: glibc is too old"
    said = [
        ["RuntimeWarning", f"backend {name!r} {why.format(package)}"]
        for name, package in [("rust", "rust_market"), ("numba", "numba")]
    ]
    assert run(WARNED, tmp_path) == ["numpy", said]
    assert run(WARNED, tmp_path, blocked=["rust_market"]) == ["numpy", said[1:]]
    assert run(WARNED, tmp_path, variable="numpy") == ["numpy", []]


WHERE = """
import warnings
from easy_marl.envs import BiddingEnv
from easy_marl.market import clear, clear_batch, get_backend
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {}
print(json.dumps([[w.filename, w.lineno] for w in caught]))
"""


@pytest.mark.parametrize(
    "call",
    ["get_backend()", "clear([1], [1], 1)", "clear_batch([1], [1], [1])", "BiddingEnv()",
     "(lambda: clear([1], [1], 1))()"],
)  # fmt: skip
def test_the_warning_points_at_the_line_that_needed_a_default(tmp_path: Path, call: str) -> None:
    (tmp_path / "rust_market.py").write_text("raise OSError('glibc is too old')\n")
    code = WHERE.format(call)
    line = (PRELUDE + code).splitlines().index(f"    {call}") + 1
    assert run(code, tmp_path) == [["<string>", line]]


def test_a_default_that_is_not_installed_is_skipped_without_a_word() -> None:
    assert run(WARNED, blocked=["rust_market", "numba"]) == ["numpy", []]


CACHE = """
from easy_marl.market import get_backend
numba = get_backend("numba")
price, cleared = numba.clear([1, 2], [4, 4], 6)
from easy_marl.market import numba_kernels
print(json.dumps([price, cleared.tolist(), numba_kernels.__file__,
                  numba_kernels.clear.stats.cache_path]))
"""


def test_numba_works_where_it_can_keep_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither beside the kernels, nor at home, nor where its variable says."""
    pytest.importorskip("numba")
    kept = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "easy_marl", tmp_path / "easy_marl", ignore=kept)
    (tmp_path / "easy_marl" / "market" / "__pycache__").touch()  # no folder: also root cannot
    for variable in "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME":
        monkeypatch.setenv(variable, str(tmp_path / "easy_marl" / "__init__.py" / "cache"))
    price, cleared, file, cache = run(CACHE, tmp_path)
    assert (price, cleared) == (2.0, [4.0, 2.0])
    assert Path(file).is_relative_to(tmp_path)
    assert cache is None


def test_a_backend_that_misses_something_else_is_broken(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("import llvm_that_is_not_there\n")
    reason = run(STATUS, tmp_path)[1][2]
    assert reason == (
        "numba does not import: ModuleNotFoundError: No module named 'llvm_that_is_not_there'"
    )


def test_a_backend_can_be_installed_later(fake_rust: Path) -> None:
    code = """
from easy_marl.market import backends, get_backend
from pathlib import Path
before = backends()[0].available
sys.modules.pop("rust_market")
print(json.dumps([before, get_backend("rust").version]))
"""
    assert run(code, fake_rust, ["rust_market"]) == [False, "9.9"]


@pytest.mark.parametrize("name", ["foo", "", "Rust", 1, ["rust"]])
def test_unknown_names(name: Any) -> None:
    message = f"backend is {name!r}: backend must be one of {known()}"
    message = f"^{re.escape(message)}$"
    with pytest.raises(ValueError, match=message):
        market.get_backend(name)
    with pytest.raises(ValueError, match=message):
        market.clear([1], [1], 1, backend=name)
    with pytest.raises(ValueError, match=message):
        market.clear_batch([1], [1], [1], backend=name)


def test_status_of_what_is_installed(backend: Backend) -> None:
    status = {status.name: status for status in market.backends()}[backend.name]
    assert status.available
    assert status.reason is None
    assert status.version == backend.version
    assert market.get_backend(backend.name) == backend


def test_unavailable_is_an_import_error() -> None:
    error = BackendUnavailable("numba", "it is not here")
    assert isinstance(error, ImportError)
    assert str(error) == "backend 'numba' is not available: it is not here"


def test_public_functions_pass_everything_on(backend: Backend) -> None:
    options: dict[str, Any] = {"ties": "pro_rata", "scarcity_price": -3.0, "backend": backend.name}
    price, cleared = market.clear([1, 1], [4, 12], 4, **options)
    assert (price, cleared.tolist()) == (1.0, [1.0, 3.0])
    assert market.clear([1, 1], [4, 12], 20, **options)[0] == -3.0
    out = np.empty(2), np.empty((2, 2))
    result = market.clear_batch([1, 1], [4, 12], [4, 20], out=out, threads=1, **options)
    assert result[0] is out[0]
    assert result[0].tolist() == [1.0, -3.0]
    assert result[1].tolist() == [[1.0, 3.0], [4.0, 12.0]]
    with pytest.raises(ValueError, match="threads is 0"):
        market.clear_batch([1, 1], [4, 12], [4, 20], threads=0, **options)


def test_public_functions_use_the_default() -> None:
    price, cleared = market.clear([1, 2], [4, 4], 6)
    assert (price, cleared.tolist()) == (2.0, [4.0, 2.0])
    prices, _ = market.clear_batch([1, 2], [4, 4], [1, 6])
    assert prices.tolist() == [1.0, 2.0]


def test_help_shows_every_argument(backend: Backend) -> None:
    """`clear` takes its options as `**options`, which would tell nothing."""
    public, own = (inspect.signature(one).parameters for one in (market.clear, backend.clear))
    assert {name: (one.kind, one.default) for name, one in public.items()} == {
        **{name: (one.kind, one.default) for name, one in own.items()},
        "backend": (inspect.Parameter.KEYWORD_ONLY, None),
    }
    batch = inspect.signature(market.clear_batch).parameters
    assert all(batch[name] == one for name, one in public.items())


def test_options_of_the_public_function_go_by_name(backend: Backend) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        market.clear([1], [1], 1, "first")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        market.clear([1], [1], 1, backend=backend.name, tie="first")  # type: ignore[call-arg]
