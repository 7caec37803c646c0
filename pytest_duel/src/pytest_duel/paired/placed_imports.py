"""Import an arm's extension modules as they are installed, and as they are placed otherwise.

A process of its own does it: ``python -m pytest_duel.paired.placed_imports TASK ANSWER``. It forks
for each placement, so what they all depend on is loaded once, and a module that crashes says so of
itself only. Imports nothing beyond the standard library before the code that it imports.
"""

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_duel.paired import imports

DIED = "the process that imports it dies"


def main(task: str, answer: str) -> None:
    """Answer why each placement of a task must not be used; None where it may."""
    asked: dict[str, Any] = json.loads(Path(task).read_text(encoding="utf-8"))
    modules, names = asked["modules"], asked["names"]
    plain = _told(modules, {}, names)
    for name in plain.get("others", ()):
        with contextlib.suppress(BaseException):  # whoever needs it says it again
            importlib.import_module(name)
    found = [_difference(plain, _told(modules, one, names)) for one in asked["placed"]]
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


def _difference(plain: Mapping[str, Any], placed: Mapping[str, Any]) -> str | None:
    if "error" in plain:
        return f"it cannot be imported outside of a test: {plain['error']}"
    if "error" in placed:
        return f"linked again, it cannot be imported: {placed['error']}"
    same = plain["told"] == placed["told"]
    return None if same else "linked again, it has other names or another version"


def _told(
    modules: Mapping[str, str], placed: Mapping[str, str], names: Sequence[str]
) -> dict[str, Any]:
    """Return what a child of this process tells of modules that it imports."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.close(reads)
        with os.fdopen(writes, "w", encoding="utf-8") as out:
            try:
                json.dump(_imported(modules, placed, names), out)
            except BaseException as error:  # whatever the code does
                json.dump({"error": f"{type(error).__name__}: {error}"}, out)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8", errors="replace") as lines:
        said = lines.read()
    os.waitpid(child, 0)
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"error": DIED}
    return found


def _imported(
    modules: Mapping[str, str], placed: Mapping[str, str], names: Sequence[str]
) -> dict[str, Any]:
    finder = imports.install(modules, {}, placed)
    told = {}
    for name in names:
        module = importlib.import_module(name)
        told[name] = [str(getattr(module, "__version__", None)), *sorted(vars(module))]
    if wrong := finder.foreign():
        return {"error": wrong}
    own = modules.keys()
    others = [name for name in sys.modules if name.partition(".")[0] not in {*own, "__main__"}]
    return {"told": told, "others": others}


if __name__ == "__main__":
    main(*sys.argv[1:])
