"""Tests that lie within the package they test: both arms take them from the head's tree.

An arm's package is imported from where it is installed, but its tests are the head's. So the
modules that are tests are told from those that are measured, by their names, as pytest does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_FILE = re.compile(r"(test_.*|.*_test|bench_.*|.*_bench|benchmark_.*|.*_benchmark|conftest)\.py")
_TEST = re.compile(rb"^\s*(async\s+)?(def (test|bench)|class (Test|Bench))", re.MULTILINE)
_FOLDER = re.compile(r".*(test|bench).*")
_PLACES = (".", "src", "python", "lib")
"""Where a package may lie in the folder that installs it."""


def inner_tests(
    project: Path, packages: Sequence[str], modules: Mapping[str, str]
) -> dict[str, str]:
    """Return the modules that are tests, each with the folder that holds it.

    A folder that is called after tests or benchmarks and holds some is one, with all below it;
    elsewhere only the files of tests are.
    """
    found: dict[str, str] = {}
    for name in modules:
        for package in packages:
            for place in _PLACES:
                home = project / package / place / name
                if home.is_dir() and name not in found:
                    found |= dict(_within(home, name))
    return found


def _within(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    if is_tests(folder):
        yield name, str(folder.parent)
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name.isidentifier() and entry.name != "__pycache__":
            yield from _within(entry, f"{name}.{entry.name}")
        elif _FILE.fullmatch(entry.name):
            yield f"{name}.{entry.stem}", str(folder)


def is_tests(module: Path) -> bool:
    """Tell whether a module is called after tests or benchmarks, and holds some.

    Parameters
    ----------
    module
        Its folder, or its file without the suffix.
    """
    if module.is_dir():
        named = _FOLDER.fullmatch(module.name) is not None
        return named and any(_FILE.fullmatch(path.name) for path in module.rglob("*.py"))
    file = module.with_name(f"{module.name}.py")
    return bool(_FILE.fullmatch(file.name) and file.is_file() and _TEST.search(file.read_bytes()))
