"""The Rust wheel: built once, whole or not at all, and never the wrong one."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import wheel
from bench.wheel import WheelError
from pytest_duel.paired.arms import links
from pytest_duel.support import processes

RELEASE = "def build_info():\n    return {'profile': 'release', 'version': '9.9'}\n"


def write_wheel(path: Path, source: str = RELEASE, name: str = "rust_market") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    module = zipfile.ZipInfo(f"{name}/__init__.py")  # without the time, so builds are alike
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(module, source, zipfile.ZIP_DEFLATED)
    return path


class Builder:
    """Stands in for maturin, and leaves a mark for every build."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, crate: Path, out: Path, flags: str = "") -> Path:
        with self.log.open("a") as log:
            log.write("built\n")
        return write_wheel(out / "rust_market-9.9-cp311-abi3-any.whl")

    @property
    def builds(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a crate of a few files; its toolchain needs no Rust."""
    home = tmp_path / "crate"
    for name in "Cargo.toml", "Cargo.lock", "src/lib.rs", "core/src/lib.rs":
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"// {name}\n")
    monkeypatch.setattr(wheel, "_version_of", lambda tool, crate: f"{tool} 1.88")
    monkeypatch.setattr(links, "linker", lambda folder: None)
    for name in "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC":
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    stub = Builder(tmp_path / "builds.log")
    monkeypatch.setattr(wheel, "_maturin", stub)
    return stub


@pytest.fixture
def modules() -> Iterator[None]:
    """Keep this session's own rust_market, whatever a test imports in its place."""

    def own() -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] == "rust_market"]

    kept = {name: sys.modules[name] for name in own()}
    yield
    for name in own():
        del sys.modules[name]
    sys.modules.update(kept)


def test_a_second_build_takes_the_first_ones_wheel(
    crate: Path, builder: Builder, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    assert not wheel.is_cached(crate, cache)
    first = wheel.build(crate, cache)
    assert wheel.is_cached(crate, cache)
    assert wheel.build(crate, cache) == first
    assert first.is_file()
    assert builder.builds == 1


@pytest.mark.parametrize(
    "damage",
    ["truncated", "gone", "no record", "half a record", "odd record", "file", "link", "nothing"],
)
def test_a_damaged_wheel_is_built_again(
    crate: Path, builder: Builder, tmp_path: Path, damage: str
) -> None:
    cache = tmp_path / "cache"
    path = wheel.build(crate, cache)
    whole, record = path.read_bytes(), path.parent / "wheel.json"
    if damage == "truncated":
        path.write_bytes(whole[:-10])
    elif damage == "gone":
        path.unlink()
    elif damage == "no record":
        record.unlink()
    elif damage == "half a record":
        record.write_text(record.read_text()[:20])
    elif damage in ("file", "link", "nothing"):
        elsewhere = tmp_path / "elsewhere"
        path.parent.rename(elsewhere)
        if damage == "file":
            path.parent.write_text("")
        else:
            path.parent.symlink_to(elsewhere if damage == "link" else tmp_path / "nowhere")
    else:
        record.write_text("[1]")
    assert not wheel.is_cached(crate, cache)
    assert wheel.build(crate, cache).read_bytes() == whole
    assert builder.builds == 2
    assert wheel.is_cached(crate, cache)


def test_key_changes_with_all_that_decides_a_build(
    crate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [wheel.cache_key(crate)]

    def note() -> None:
        keys.append(wheel.cache_key(crate))

    for name in "Cargo.toml", "Cargo.lock", "src/lib.rs", "core/src/lib.rs":
        with (crate / name).open("a") as file:
            file.write(" ")
        note()
    (crate / "src/new.rs").touch()
    note()
    (crate / "src/new.rs").rename(crate / "src/other.rs")
    note()
    for folder in "src/target", "src/dist", "tests", "benches", "core/src/tests":
        (crate / folder).mkdir()
        (crate / folder / "own.rs").touch()
        note()
    for text in "1", "2":
        (crate.parent / "shared").mkdir(exist_ok=True)
        (crate.parent / "shared/own.rs").write_text(text)
        if text == "1":
            (crate / "src/shared").symlink_to("../../shared")
        note()
    (crate / "src/loop").symlink_to("..")
    assert wheel.cache_key(crate) == keys[-1]
    (crate / "src/shared").unlink()
    (crate / "src/lib.rs").write_text('include!("../../shared/own.rs");')
    note()
    (crate.parent / "shared/own.rs").write_text("3")
    note()
    (crate / "Cargo.toml").write_text('core = { path = "../shared" }')
    (crate / "src/lib.rs").write_text("")
    note()
    (crate.parent / "shared/own.rs").write_text("4")
    note()
    for text in (
        'include!(r#"../../shared/own.rs"#);',
        'include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/own.rs"));',
    ):
        (crate / "src/lib.rs").write_text(text)
        note()
        (crate.parent / "shared/own.rs").write_text(text)
        note()
    # What is named there counts too, and a folder that the builds write.
    (crate.parent / "further").mkdir()
    (crate.parent / "shared/own.rs").write_text('include!("../further/deep.rs");')
    (crate / "src/lib.rs").write_text('include!("../../shared/own.rs");include!("../dist/x.rs");')
    (crate / "dist").mkdir()
    for path in crate.parent / "further/deep.rs", crate / "dist/x.rs":
        for text in 'include!("../further/deep.rs");', "6":
            path.write_text(text)
            note()
    (crate / "Cargo.toml").write_text("core = { path = '../further' }")
    (crate / "src/lib.rs").write_text("")
    note()
    (crate.parent / "further/deep.rs").write_text("7")
    note()
    for variable in (
        "RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_PROFILE_RELEASE_LTO",
        "CARGO_BUILD_TARGET",
    ):
        monkeypatch.setenv(variable, "x")
        note()
    monkeypatch.setenv("RUSTFLAGS", "y")
    note()
    monkeypatch.setattr(wheel, "_version_of", lambda tool, crate: f"{tool} 1.89")
    note()
    monkeypatch.setattr(wheel, "version", lambda package: "0.0")
    note()
    assert len(set(keys)) == len(keys)


def test_a_cache_that_cannot_be_locked_gives_an_intact_wheel(
    crate: Path, builder: Builder, tmp_path: Path
) -> None:
    path = wheel.build(crate, tmp_path / "cache")
    lock = path.parent.with_name(f"{path.parent.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    assert wheel.build(crate, tmp_path / "cache") == path
    assert builder.builds == 1


def in_a_file(cache: Path) -> None:
    cache.write_text("no folder")


def behind_a_file(cache: Path) -> None:
    cache.symlink_to(cache.with_name("crate") / "Cargo.toml")


@pytest.mark.parametrize("spoil", [in_a_file, behind_a_file])
def test_a_cache_that_is_no_folder_is_named(
    crate: Path, builder: Builder, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    cache = tmp_path / "cache"
    spoil(cache)
    with pytest.raises(WheelError, match=f"no wheel can be kept in {re.escape(str(cache))}: "):
        wheel.build(crate, cache)
    assert builder.builds == 0


def test_an_edit_during_a_build_is_kept_under_no_key(
    crate: Path, builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"

    def build(crate: Path, out: Path, flags: str) -> Path:
        (crate / "src/lib.rs").write_text("edited")
        return builder(crate, out)

    monkeypatch.setattr(wheel, "_maturin", build)
    with pytest.raises(WheelError, match="changed while"):
        wheel.build(crate, cache)
    assert [path for path in cache.iterdir() if path.is_dir()] == []
    assert wheel.build(crate, cache).is_file()


def test_what_its_link_needs_is_kept_with_a_wheel_and_found_where_it_is_imported(
    crate: Path, builder: Builder, tmp_path: Path, modules: None
) -> None:
    home = wheel.build(crate, tmp_path / "cache").parent
    (home / links.LINKS / "one").mkdir(parents=True)
    (path,) = home.glob("*.whl")
    with wheel.importable(path):
        site = Path(sys.modules[wheel.MODULE].__file__ or "").parent.parent
        assert (site / links.LINKS).resolve() == (home / links.LINKS).resolve()
    assert (home / links.LINKS / "one").is_dir()


def test_flags_make_another_wheel(crate: Path, builder: Builder, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    flags = ("", "-C metadata=one", "-C metadata=two")
    paths = [wheel.build(crate, cache, one) for one in flags]
    assert len(set(paths)) == builder.builds == len(flags)
    assert wheel.build(crate, cache, flags[1]) == paths[1]
    assert builder.builds == len(flags)


@pytest.mark.parametrize(("given", "flags", "expected"), [
    (None, "", None),
    ("-g", "", "-g"),
    (None, "-C metadata=one", "-C metadata=one"),
    ("-g", "-C metadata=one", "-g -C metadata=one"),
])  # fmt: skip
def test_the_compiler_gets_the_flags_beside_those_it_has(
    given: str | None,
    flags: str,
    expected: str | None,
    crate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str | None] = []
    asked: list[list[str]] = []

    def maturin(
        command: list[str], *, cwd: Path, timeout: float, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        if command[0] == "cargo":
            asked.append(command[1:])
            return subprocess.CompletedProcess(command, 0, "", "")
        seen.append((env or {}).get("RUSTFLAGS"))
        out = Path(command[command.index("--out") + 1])
        write_wheel(out / "rust_market-9.9-cp311-abi3-any.whl")
        return subprocess.CompletedProcess(command, 0, "", "")

    if given is not None:
        monkeypatch.setenv("RUSTFLAGS", given)
    monkeypatch.setattr(processes, "run", maturin)
    assert wheel.build(crate, tmp_path / "cache", flags).is_file()
    assert seen == [expected]
    # What cargo has compiled before may be of other sources: it looks at times only.
    assert asked == [["clean", "--release", "--locked", "--workspace"]]
    assert os.environ.get("RUSTFLAGS") == given


def test_key_does_not_change_with_what_a_build_leaves_behind(crate: Path) -> None:
    key = wheel.cache_key(crate)
    for name in "target/release/x.so", "dist/x.whl", "src/__pycache__/x.pyc":
        (crate / name).parent.mkdir(parents=True, exist_ok=True)
        (crate / name).write_text("x")
    assert wheel.cache_key(crate) == key
    os.utime(crate / "Cargo.toml", (0, 0))
    assert wheel.cache_key(crate) == key


@pytest.mark.parametrize("stop", [KeyboardInterrupt, WheelError, OSError])
def test_an_interrupted_build_leaves_nothing_that_counts(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    cache = tmp_path / "cache"

    def interrupted(crate: Path, out: Path, flags: str) -> Path:
        write_wheel(out / "rust_market-9.9-cp311-abi3-any.whl")
        raise stop

    monkeypatch.setattr(wheel, "_maturin", interrupted)
    with pytest.raises(stop):
        wheel.build(crate, cache)
    assert not wheel.is_cached(crate, cache)
    assert [path for path in cache.iterdir() if path.is_dir()] == []
    stub = Builder(tmp_path / "builds.log")
    monkeypatch.setattr(wheel, "_maturin", stub)
    wheel.build(crate, cache)
    assert stub.builds == 1


def _build_in_a_process(crate: Path, cache: Path, marks: Path, processes: int, die: bool) -> None:
    """Build once all processes have started; `die` half-way through."""

    def build(crate: Path, out: Path, flags: str) -> Path:
        path = Builder(marks / "builds.log")(crate, out)
        deadline = time.monotonic() + 30
        while len(list(marks.glob("started-*"))) < processes and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)  # the others are at the lock by now
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
        return path

    wheel._version_of = lambda tool, crate: f"{tool} 1.88"
    wheel._maturin = build
    (marks / f"started-{os.getpid()}").touch()
    path = wheel.build(crate, cache)
    (marks / f"done-{os.getpid()}").write_text(str(path))


def start(*arguments: object) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=_build_in_a_process, args=arguments
    )
    process.start()
    return process


def test_two_processes_at_once_build_once(crate: Path, tmp_path: Path) -> None:
    processes = [start(crate, tmp_path / "cache", tmp_path, 2, False) for _ in range(2)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert Builder(tmp_path / "builds.log").builds == 1
    assert len({path.read_text() for path in tmp_path.glob("done-*")}) == 1
    assert len(list(tmp_path.glob("done-*"))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_build_is_built_again(crate: Path, tmp_path: Path, builder: Builder) -> None:
    cache = tmp_path / "cache"
    process = start(crate, cache, tmp_path, 1, True)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not wheel.is_cached(crate, cache)
    assert wheel.build(crate, cache).is_file()
    assert builder.builds == 2  # the killed one, and its own


def test_old_wheels_are_forgotten(
    crate: Path, builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "KEPT_WHEELS", 2)
    cache = tmp_path / "cache"
    paths = []
    for age in range(4):
        (crate / "Cargo.lock").write_text(str(age))
        paths.append(wheel.build(crate, cache))
        os.utime(paths[-1].parent, (age, age))
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_missing_cargo_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Cargo.toml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    for act in wheel.build, wheel.is_cached:
        with pytest.raises(WheelError, match=r"cargo was not found.*rustup.*--bench-no-rust"):
            act(tmp_path, tmp_path / "cache")


def test_a_toolchain_that_fails_says_what_it_said(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    fake = tmp_path / "bin"
    fake.mkdir()
    for tool in "rustc", "cargo":
        script = fake / tool
        script.write_text("#!/bin/sh\necho 'no default toolchain is set' >&2\nexit 1\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(WheelError, match=r"rustc -vV failed:\nno default toolchain is set"):
        wheel.build(crate, tmp_path / "cache")


def test_a_release_wheel_imports_and_leaves_the_path_alone(modules: None, tmp_path: Path) -> None:
    path, before = write_wheel(tmp_path / "x.whl"), list(sys.path)
    with wheel.importable(path) as build_info:
        assert build_info["version"] == "9.9"
        import rust_market

        assert rust_market.build_info() == build_info
    assert sys.path == before


def test_a_wheel_replaces_one_that_was_imported_before(modules: None, tmp_path: Path) -> None:
    older = "from rust_market.part import build_info\n"
    path = write_wheel(tmp_path / "older.whl", older)
    for name, archive_name in (("one", path), ("two", tmp_path / "newer.whl")):
        write_wheel(archive_name, older)
        with zipfile.ZipFile(archive_name, "a") as archive:
            source = (
                f"def build_info():\n    return {{'profile': 'release', 'version': {name!r}}}\n"
            )
            archive.writestr("rust_market/part.py", source)
        with wheel.importable(archive_name) as build_info:
            assert build_info["version"] == name


NOT_WHEELS = {
    "debug": (RELEASE.replace("release", "debug"), "debug profile.*maturin build --release"),
    "no build_info": ("", "does not import: .*build_info"),
    "broken": ("import no_such_module", "does not import: No module named 'no_such_module'"),
    "odd build_info": ("def build_info():\n    return {}\n", "None profile"),
}


@pytest.mark.parametrize("kind", NOT_WHEELS)
def test_what_is_no_release_build_is_refused(modules: None, tmp_path: Path, kind: str) -> None:
    source, message = NOT_WHEELS[kind]
    path, before = write_wheel(tmp_path / "x.whl", source), list(sys.path)
    with (
        pytest.raises(WheelError, match=rf"x\.whl .*{message}"),
        wheel.importable(path),
    ):
        pass
    assert sys.path == before


def test_a_foreign_archive_is_refused_even_where_rust_market_is_installed(
    modules: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_wheel(tmp_path / "foreign.whl", name="other")
    installed = tmp_path / "site"
    (installed / "rust_market").mkdir(parents=True)
    (installed / "rust_market" / "__init__.py").write_text(RELEASE)
    monkeypatch.syspath_prepend(str(installed))
    with (
        pytest.raises(WheelError, match=r"foreign\.whl holds no rust_market"),
        wheel.importable(path),
    ):
        pass


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "flipped", "folder"])
def test_what_is_no_archive_is_refused(modules: None, tmp_path: Path, kind: str) -> None:
    path = write_wheel(tmp_path / "x.whl", RELEASE * 50)
    content = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
    elif kind == "folder":
        path = tmp_path
    elif kind == "text":
        path.write_text("not a wheel")
    elif kind == "truncated":
        path.write_bytes(content[:-30])
    else:
        start_of_data = 30 + len("rust_market/__init__.py")
        content[start_of_data : start_of_data + 20] = b"\xff" * 20
        path.write_bytes(content)
    with pytest.raises(WheelError, match="cannot be unpacked"):
        wheel.unpack(path, tmp_path / "site")
