"""Build the Rust wheel: the one way to do it, for the test session, tox and CI alike.

A wheel is kept under a key of the sources, the lock file and the toolchain. Building is locked
against a second process and atomic: a wheel is in the cache whole, with its digest, or not at
all. Beside it lies what its link needs, so that blocks of a sweep can link it anew.
"""

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_duel.catalogue.sources import digest
from pytest_duel.paired.arms import links
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

ROOT = Path(__file__).resolve().parent.parent
MODULE = "rust_market"
CRATE = ROOT / "rust_market"
CACHE = ROOT / ".cache" / "wheels"

BUILD_SECONDS = 1200.0
KEPT_WHEELS = 20

_NAMES_A_FILE = re.compile(
    r"""(?:\binclude(?:_str|_bytes)?!\s*[(\[{]|\bpath\s*=)\s*"""
    r"""(?:concat!\s*\(\s*env!\s*\(\s*"CARGO_MANIFEST_DIR"\s*\)\s*,\s*)?"""
    r"""(?:r\#*)?["']([^"'\n]+)["']"""
)
"""Macros that include a file, the attribute `path` of a module, and dependencies by path."""

_GET_RUST = (
    "Rust's cargo was not found, and the rust backend is built from source. Install a stable "
    "toolchain with rustup (see the Rust project's installation page), then try again; or leave "
    "Rust out with --bench-no-rust."
)


class WheelError(DuelError, ImportError):
    """The wheel could not be had, so nothing can be imported from it; the message says why."""


def source_files(crate: Path = CRATE) -> Iterator[Path]:
    """Yield the files that a wheel may be made of, in a fixed order: all but what builds leave.

    Folders that links lead to count, and files elsewhere that sources include.
    """
    found = set(_files(crate, frozenset()))
    known = {path.resolve() for path in found}
    waiting = list(found)
    while waiting:
        for path in _named(waiting.pop()):
            if path.resolve() not in known:
                known.add(path.resolve())
                found.add(path)
                waiting.append(path)
    return iter(sorted(found))


def _files(folder: Path, above: frozenset[Path]) -> list[Path]:
    """Return the files in a folder and below, what links lead to among them."""
    own = folder.resolve()
    if own in above:
        return []  # a link that leads back
    found = []
    for path in folder.iterdir():
        if path.is_file():
            found.append(path)
        elif path.is_dir() and not _is_output(path):
            found += _files(path, above | {own})
    return found


def _is_output(folder: Path) -> bool:
    """Tell whether builds write a folder: cargo and maturin, beside a Cargo.toml, and Python."""
    beside = (folder.parent / "Cargo.toml").is_file()
    return folder.name == "__pycache__" or (beside and folder.name in ("target", "dist"))


def _named(source: Path) -> Iterator[Path]:
    """Yield the files that a source names, wherever they are."""
    if source.name != "Cargo.toml" and source.suffix != ".rs":
        return
    for name in _NAMES_A_FILE.findall(source.read_text(encoding="utf-8", errors="replace")):
        for path in source.parent / name, _package(source) / name.lstrip("/"):
            if path.is_dir():
                yield from _files(path, frozenset())
            elif path.is_file():
                yield path


def _package(source: Path) -> Path:
    """Return the folder of the package that a source is of, which `CARGO_MANIFEST_DIR` names."""
    homes = (folder for folder in source.parents if (folder / "Cargo.toml").is_file())
    return next(homes, source.parent)


def cache_key(crate: Path = CRATE, flags: str = "") -> str:
    """Return a digest of all that decides what the build produces."""
    sources = digest(
        {Path(os.path.relpath(path, crate)).as_posix(): path for path in source_files(crate)}
    )
    parts = sources, json.dumps(_toolchain(crate), sort_keys=True), flags
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _toolchain(crate: Path) -> dict[str, str]:
    flags: tuple[str, ...] = (
        "RUSTFLAGS",
        "RUSTC",
        "CARGO_ENCODED_",
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_INCREMENTAL",
    )
    flags += ("CARGO_TARGET_X", "CARGO_TARGET_A")  # per architecture; CARGO_TARGET_DIR is no flag
    return {
        "rustc": _version_of("rustc", crate),
        "cargo": _version_of("cargo", crate),
        "maturin": version("maturin"),
        "linker": str(links.linker(crate)),
        "platform": sysconfig.get_platform(),
        "free_threaded": str(bool(sysconfig.get_config_var("Py_GIL_DISABLED"))),
        **{name: value for name, value in os.environ.items() if name.startswith(flags)},
        **_cargo_configuration(crate),
    }


def _cargo_configuration(crate: Path) -> dict[str, str]:
    """Return the configuration files that cargo reads for `crate`, by path, as digests."""
    homes = [folder / ".cargo" for folder in (crate, *crate.parents)]
    homes.append(Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")))
    files = (home / name for home in homes for name in ("config.toml", "config"))
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def _version_of(tool: str, crate: Path) -> str:
    path = shutil.which(tool)
    if path is None:
        raise WheelError(_GET_RUST)
    done = processes.run([path, "-vV"], cwd=crate, timeout=120)
    if done.returncode:
        raise WheelError(f"{tool} -vV failed:\n{done.stderr.strip()}")
    return done.stdout


def build(crate: Path = CRATE, cache: Path = CACHE, flags: str = "") -> Path:
    """Return the release wheel of `crate`, from the cache or built now.

    `flags` are for the Rust compiler, beside those in the environment.

    Raises
    ------
    WheelError
        Where cargo is missing, the build fails (the message holds the compiler's), or the cache
        cannot be written.
    """
    home = cache / cache_key(crate, flags)
    if kept := _intact(home):  # also where nothing can be written
        return kept
    with _alone(cache, home.name):
        wheel = _intact(home)
        if wheel is None:
            _discard(home)
            wheel = _build_into(home, crate, flags)
            _prune(cache)
        return wheel


@contextmanager
def _alone(cache: Path, key: str) -> Iterator[None]:
    """Keep other processes from building the same wheel; the cache is there then."""
    lock = FileLock(cache / f"{key}.lock", timeout=BUILD_SECONDS)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise WheelError(f"another process has held {cache} for {BUILD_SECONDS:.0f} s") from None
    except OSError as error:
        raise WheelError(f"no wheel can be kept in {cache}: {error}") from None
    try:
        yield
    finally:
        lock.release()


def _discard(home: Path) -> None:
    """Remove what stands in the place of a wheel, whatever it is."""
    if home.is_dir() and not home.is_symlink():
        shutil.rmtree(home)
    else:
        home.unlink(missing_ok=True)


def is_cached(crate: Path = CRATE, cache: Path = CACHE) -> bool:
    """Tell whether `build` would return at once."""
    return _intact(cache / cache_key(crate)) is not None


def _intact(home: Path) -> Path | None:
    """Return the wheel in `home` where it is what was once put there."""
    if home.is_symlink():
        return None
    try:
        record = json.loads((home / "wheel.json").read_text(encoding="utf-8"))
        wheel = home / Path(record["file"]).name
        whole = hashlib.sha256(wheel.read_bytes()).hexdigest() == record["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return wheel if whole else None


def _build_into(home: Path, crate: Path, flags: str) -> Path:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="building-") as name:
        staging = Path(name) / "wheel"
        wheel = _maturin(crate, staging, flags)
        if cache_key(crate, flags) != home.name:
            raise WheelError("rust_market changed while it was built: try again")
        record = {"file": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
        (staging / "wheel.json").write_text(json.dumps(record), encoding="utf-8")
        staging.replace(home)
    return home / wheel.name


def _maturin(crate: Path, out: Path, flags: str) -> Path:
    _forget_compiled(crate)
    command = [sys.executable, "-m", "maturin", "build", "--release", "--locked"]
    command += ["--interpreter", sys.executable, "--out", str(out)]
    try:
        with links.keeping(crate, out.parent, out) as variables:
            environment = {**_with(flags), **variables}
            done = processes.run(command, cwd=crate, env=environment, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise WheelError(f"maturin did not finish in {BUILD_SECONDS:.0f} s") from None
    if done.returncode:
        raise WheelError(f"rust_market did not build:\n{done.stderr.strip()}")
    wheels = list(out.glob("*.whl"))
    if len(wheels) != 1:
        raise WheelError(f"maturin made {len(wheels)} wheels, expected one:\n{done.stderr}")
    return wheels[0]


def _forget_compiled(crate: Path) -> None:
    """Have cargo compile the packages of a crate anew; what they depend on stays.

    It takes what it has compiled before unless a source is newer than that. But an edit may be
    older, such as one that comes out of an archive, or by a copy that keeps times.
    """
    command = ["cargo", "clean", "--release", "--locked", "--workspace"]
    done = processes.run(command, cwd=crate, timeout=BUILD_SECONDS)
    if done.returncode:
        raise WheelError(f"rust_market cannot be built anew:\n{done.stderr.strip()}")


def _with(flags: str) -> dict[str, str]:
    """Return the environment with more flags for the Rust compiler."""
    given = os.environ.get("RUSTFLAGS", "")
    return {**os.environ, **({"RUSTFLAGS": f"{given} {flags}".strip()} if flags else {})}


def _prune(cache: Path) -> None:
    """Forget all but the newest wheels, and what killed builds left behind."""
    for left in cache.glob("building-*"):
        if time.time() - left.stat().st_mtime > BUILD_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    homes = [path for path in cache.iterdir() if path.is_dir() and (path / "wheel.json").exists()]
    homes.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for home in homes[KEPT_WHEELS:]:
        shutil.rmtree(home, ignore_errors=True)


def source_hash(crate: Path = CRATE) -> str:
    """Return what `build_info()["source_hash"]` is for a wheel built from `crate` as it stands."""
    named = ("build.rs", "Cargo.toml", "Cargo.lock", "core/Cargo.toml")
    sources = {crate / name for name in named}
    sources |= {path for folder in ("src", "core/src") for path in (crate / folder).rglob("*.rs")}
    names = {path.relative_to(crate).as_posix(): path for path in sources}
    return digest(dict(sorted(names.items())))


def unpack(wheel: Path, site: Path) -> Path:
    """Unpack `wheel` so that `site` on the import path makes it importable.

    Raises
    ------
    WheelError
        Where the file is missing or no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise WheelError(f"{wheel} cannot be unpacked: {error}") from None
    return site


@contextmanager
def importable(wheel: Path) -> Iterator[dict[str, str]]:
    """Make `wheel` importable in this process, without installing it; yield its `build_info()`.

    Raises
    ------
    WheelError
        Where it does not import, or was not built with the release profile.
    """
    with tempfile.TemporaryDirectory(prefix="rust_market-", ignore_cleanup_errors=True) as name:
        site = str(unpack(wheel, Path(name)))
        _offer_links(wheel, Path(site))
        sys.path.insert(0, site)
        try:
            for name in [name for name in sys.modules if name.split(".")[0] == MODULE]:
                del sys.modules[name]
            importlib.invalidate_caches()
            yield _release_build(wheel, site)
        finally:
            sys.path.remove(site)


def _offer_links(wheel: Path, site: Path) -> None:
    """Let the harness find what the link of an unpacked wheel needs, where that was kept."""
    kept = wheel.resolve().parent / links.LINKS
    if kept.is_dir():
        (site / links.LINKS).symlink_to(kept)


def _release_build(wheel: Path, site: str) -> dict[str, str]:
    try:
        module = importlib.import_module(MODULE)
        build_info: dict[str, str] = module.build_info()
    except (ImportError, AttributeError) as error:
        raise WheelError(f"{wheel} does not import: {error}") from error
    if not Path(str(module.__file__)).is_relative_to(site):
        raise WheelError(f"{wheel} holds no {MODULE}: another one, installed, was imported")
    if build_info.get("profile") != "release":
        raise WheelError(
            f"{wheel} was built with the {build_info.get('profile')} profile, and only release "
            "builds are timed: build it with `maturin build --release`"
        )
    return build_info


def installed() -> dict[str, str] | None:
    """Return the `build_info()` of the module that this Python imports, where there is one."""
    try:
        build_info: dict[str, str] = importlib.import_module(MODULE).build_info()
    except (ImportError, AttributeError):  # this repository's folder imports as an empty package
        return None
    return build_info
