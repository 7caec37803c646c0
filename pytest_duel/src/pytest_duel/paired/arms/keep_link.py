"""Runs in place of a compiler while an arm is built, and keeps what links of its modules need.

A script that has the compiler's name calls it, with the arguments that the build gives. What the
build asks for is done, with each function in a section of its own. Where that has made an
extension module, lld makes the same link once more, and writes down all that it reads. Where lld
cannot, the reason alone is kept, and the build goes on.

Imports nothing beyond the standard library: it is run for every file that is compiled.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ABOUT, INPUTS, RESPONSE = "about.json", "inputs", "response.txt"
"""What is kept of a link, and the file of the linker's own arguments among the inputs."""
WHY = ".why.json"
"""The end of the name of a file that says why a link is not kept."""
SCRIPTS = "compilers"
"""The folder of those that call this module, beside that of what is kept."""
SECTIONS = "-ffunction-sections"
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C")
COLD = (".text.unlikely", ".text.startup", ".text.exit")
"""Sections of functions that hardly run. They stay together."""
SECONDS = 120.0
"""For a link."""
FRONT, REAR = (
    {f"pytest_duel_{part}_{2**power}": 2**power for power in range(4, 12)}
    for part in ("front", "rear")
)
"""Sections that only take room, with their bytes. Some of them together are any multiple of 16 up
to a page of memory."""
LTO = b".gnu.lto_"
"""The start of the names of sections that hold gcc's own form of code, which it finishes when it
links. Only gcc can, so what lld would make of the same files is other code."""
_MODULE = re.compile(rb"\0PyInit_(\w+)(?=\0)")
_RPATH = re.compile(r"--?(?:rpath|R)[ =](.*)")
_LINE = re.compile(r" *[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) +(\d+) ( *)(.*)")
"""A line of lld's map: size, alignment, more spaces the deeper it is, and a name."""
_STEP = 8
"""Spaces from an output section to an input section, and from that to a symbol."""


def main(kept: str, linker: str, compiler: str, *given: str) -> int:
    """Do what the build asks of a compiler; return its exit code."""
    try:
        arguments = list(_expanded(given))
    except (OSError, ValueError):  # whatever it is, the compiler tells it
        arguments = []
    compiles = "-c" in arguments or any(one.endswith(SOURCES) for one in arguments)
    command = [compiler, *given, *([SECTIONS] if compiles else [])]
    _stand_aside(Path(kept).with_name(SCRIPTS))
    if "-shared" not in arguments:
        os.execv(compiler, command)  # noqa: S606  as the build has asked
    code = subprocess.run(command, check=False).returncode  # noqa: S603
    if code == 0:
        with contextlib.suppress(Exception):  # without it the build is as good
            _keep_or_say_why(
                Path(kept), linker, [compiler, *arguments, *([SECTIONS] if compiles else [])]
            )
    return code if code >= 0 else 128 - code


def _stand_aside(scripts: Path) -> None:
    """Take the scripts off the path: a compiler may seek another of its own name there."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(one for one in folders if one != str(scripts))


def _expanded(arguments: Sequence[str]) -> Iterator[str]:
    """Yield arguments, with those of files in place of ``@file``."""
    for one in arguments:
        path = Path(one[1:])
        if one.startswith("@") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            yield from _expanded(shlex.split(text))
        else:
            yield one


def _keep_or_say_why(kept: Path, linker: str, command: Sequence[str]) -> None:
    """Keep what a link needs, or why it cannot be kept, where it has made an extension module."""
    output, others = _without_output(command)
    modules = sorted({one.decode() for one in _MODULE.findall(Path(output).read_bytes())})
    if not modules:
        return
    about: dict[str, object] = {"linker": linker, "output": output, "modules": modules}
    try:
        keep(kept, others, about)
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", suffix=WHY, dir=kept, delete=False) as told:
            json.dump({"modules": modules, "why": _said(error)}, told)


def _said(error: Exception) -> str:
    """Return what an error says, and the last words of a program that failed."""
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return f"{Path(error.cmd[0]).name} fails for lld: {''.join(lines[-1:])}"
    return str(error) or type(error).__name__


class KeepError(Exception):
    """A link cannot be kept; the message says why."""


def keep(kept: Path, command: Sequence[str], about: dict[str, object]) -> None:
    """Keep what a link needs.

    Parameters
    ----------
    kept
        The folder of all links that are kept.
    command
        The link, without the file that it writes.
    about
        What is known of it: the linker, its output, the modules in that.
    """
    linker = str(about["linker"])
    home = Path(tempfile.mkdtemp(dir=kept))
    try:
        _reproduce(home, linker, command)
        _refuse_lto(home / INPUTS)
        about["rpaths"] = _without_rpaths(home / INPUTS / RESPONSE)
        _make_room(home / INPUTS, command[0])
        about["functions"] = list(functions(_map(home, linker)))
        (home / ABOUT).write_text(json.dumps(about), encoding="utf-8")
    except BaseException:
        shutil.rmtree(home)
        raise


def _without_output(command: Sequence[str]) -> tuple[str, list[str]]:
    """Return what a link writes, and its command without that."""
    output, others, rest = "a.out", [], iter(command)
    for one in rest:
        if one == "-o":
            output = next(rest)
        elif one.startswith("-o"):
            output = one[2:]
        elif not one.startswith("-fuse-ld="):
            others.append(one)
    return output, others


def _reproduce(home: Path, linker: str, others: Sequence[str]) -> None:
    """Link by lld, and unpack what it has read."""
    archive = home / f"{INPUTS}.tar"
    lld = [f"-B{Path(linker).parent}", "-fuse-ld=lld"]
    told = ["-Xlinker", f"--reproduce={archive}"]  # by -Wl, a comma in a path would end it
    _run([*others, *lld, *told, "-o", str(home / "trial")], None)
    if not archive.is_file():
        raise KeepError("its compiler did not link by lld")
    with tarfile.open(archive) as packed:
        packed.extractall(home, filter="data")
    archive.unlink()
    response = home / INPUTS / RESPONSE
    lines = response.read_text(encoding="utf-8").splitlines()
    asked = [line for line in lines if not line.startswith(("-Map", "--Map", "--reproduce"))]
    response.write_text("\n".join(asked) + "\n", encoding="utf-8")


def _refuse_lto(inputs: Path) -> None:
    for path in inputs.rglob("*"):
        if path.suffix in (".o", ".a", ".lo") and path.is_file() and LTO in path.read_bytes():
            raise KeepError(f"{path.name} is finished when it is linked (-flto), by gcc alone")


def _without_rpaths(response: Path) -> list[str]:
    """Take from a link's arguments where its module seeks libraries; return these folders.

    lld writes them down as if they were among its inputs. They are given when it links again: by
    then it is known where the module was, which is what ``$ORIGIN`` stands for.
    """
    rpaths, others = [], []
    for line in response.read_text(encoding="utf-8").splitlines():
        found = _RPATH.fullmatch(line)
        if found is None:
            others.append(line)
            continue
        for folder in "".join(shlex.split(found[1])).split(":"):
            is_short = not folder.startswith(("/", "$")) and Path("/", folder).is_dir()
            rpaths.append(f"/{folder}" if is_short else folder)
    response.write_text("\n".join(others) + "\n", encoding="utf-8")
    return rpaths


def _make_room(inputs: Path, compiler: str) -> None:
    """Add sections that only take room to a link."""
    lines = [
        f'.section .text.{name},"ax",@progbits\n.p2align 4\n.globl {name}\n'
        f".hidden {name}\n{name}:\n.skip {size}\n"
        for name, size in (FRONT | REAR).items()
    ]
    source = inputs / "room.s"
    source.write_text("".join([*lines, '.section .note.GNU-stack,"",@progbits\n']))
    _run([compiler, "-c", source.name, "-o", "room.o"], inputs)
    with (inputs / RESPONSE).open("a", encoding="utf-8") as response:
        response.write("room.o\n" + "".join(f"-u {name}\n" for name in FRONT | REAR))


def _map(home: Path, linker: str) -> str:
    """Link once more from what is kept alone; return lld's map of it."""
    written = home / "map"
    more = ["--no-demangle", f"-Map={written}", "-o", str(home / "trial")]
    _run([linker, f"@{RESPONSE}", *more], home / INPUTS)
    text = written.read_text(encoding="utf-8")
    for path in (written, home / "trial"):
        path.unlink()
    return text


def _run(command: Sequence[str], folder: Path | None) -> None:
    subprocess.run(  # noqa: S603  what the build has run, or the linker
        command,
        cwd=folder,
        check=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def functions(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each section of code that lld's map lists: a name in it, its size and alignment."""
    output, found = "", None
    for line in text.splitlines()[1:]:
        part = _LINE.fullmatch(line)
        if part is None:
            continue
        size, alignment, spaces, name = int(part[1], 16), int(part[2]), part[3], part[4]
        match len(spaces) // _STEP:
            case 0:
                output, found = name, None
            case 1:
                section = name.rpartition(":(")[2].rstrip(")")
                is_code = output == ".text" and section.startswith(".text")
                is_listed = is_code and size > 0 and not section.startswith(COLD)
                found = (size, alignment) if is_listed else None
            case _ if found and not name.startswith(("$", ".L")):
                if name not in FRONT | REAR:
                    yield name, *found
                found = None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
