"""Orders in which modules are linked again."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_duel.paired.arms import links
from pytest_duel.paired.arms.keep_link import FRONT, REAR, functions
from pytest_duel.paired.arms.links import Function, order, shared

MAP = """\
             VMA              LMA     Size Align Out     In      Symbol
             4b8              4b8       24     4 .eh_frame_hdr
             4b8              4b8       24     4         <internal>:(.eh_frame_hdr)
            1540             1540       d4    16 .text
            1540             1540        0     1         usr/lib/crti.o:(.text)
            1540             1540       b9    16         usr/lib/crtbeginS.o:(.text)
            1540             1540        0     1                 deregister_tm_clones
            1570             1570        0     1                 register_tm_clones
            15f9             15f9       14    32         toy.o:(.text.busy)
            15f9             15f9       14     1                 busy
            160d             160d        4     1         toy.o:(.text.unlikely.rare)
            160d             160d        4     1                 rare
            1614             1614       10    16         room.o:(.text.pytest_duel_rear_16)
            1614             1614        0     1                 pytest_duel_rear_16
            1640             1640       30    16 .plt
            1640             1640       30    16         <internal>:(.plt)
"""


def test_the_functions_of_a_map_are_those_that_can_be_moved() -> None:
    assert list(functions(MAP)) == [("deregister_tm_clones", 0xB9, 16), ("busy", 0x14, 32)]


@pytest.mark.parametrize(("name", "is_compiler"), [
    ("cc", True), ("x86_64-linux-gnu-gcc", True), ("clang++-17", True), ("g++", True),
    ("ccache", False), ("distcc", False), ("/usr/bin/cc", False), ("rustc", False),
])  # fmt: skip
def test_a_script_stands_before_compilers_only(name: str, *, is_compiler: bool) -> None:
    assert bool(links._COMPILER.fullmatch(name)) is is_compiler


@pytest.mark.skipif(sys.platform == "win32", reason="the scripts are of a shell")
def test_a_program_that_seeks_the_compiler_on_the_path_does_not_find_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, real = tmp_path / "cache", tmp_path / "real"
    for folder, text in ((cache, 'PATH="${PATH#*:}" exec cc "$@"'), (real, 'echo real "$@"')):
        folder.mkdir()
        (folder / "cc").write_text(f"#!/bin/sh\n{text}\n")
        (folder / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{cache}:{real}:{os.environ['PATH']}")
    home = tmp_path / "home"
    home.mkdir()
    path = links.recorded(home, "ld.lld")["PATH"]
    done = subprocess.run(
        ["cc", "-c", "a.c"], env={**os.environ, "PATH": path}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "real -c a.c -ffunction-sections\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the scripts are of a shell")
def test_a_compiler_that_a_variable_names_in_full_has_a_script_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/opt/bin/gcc-12 -m64")
    monkeypatch.setenv("CXX", "ccache g++")
    found = links.recorded(tmp_path, "ld.lld")
    script, *more = found["CC"].split()
    assert Path(script).name == "gcc-12"
    assert "/opt/bin/gcc-12" in Path(script).read_text()
    assert more == ["-m64"]
    assert "CXX" not in found


def test_sections_that_take_room_make_any_multiple_of_16_bytes_up_to_a_page() -> None:
    for rooms in (FRONT, REAR):
        assert sorted(rooms.values()) == [16, 32, 64, 128, 256, 512, 1024, 2048]


FUNCTIONS = st.lists(
    st.builds(Function, st.sampled_from("abcdefgh"), st.sampled_from([16, 32]), st.just(16)),
    unique_by=lambda one: one.name,
)


def offsets(names: Sequence[str], known: Sequence[Function]) -> dict[str, int]:
    """Return where functions begin that are put in an order."""
    sizes = {**{one.name: one.size for one in known}, **FRONT, **REAR}
    found, place = {}, 0
    for name in names:
        found[name] = place
        place += sizes[name]
    return found


@settings(max_examples=30)
@given(FUNCTIONS, FUNCTIONS, st.text())
def test_what_two_builds_have_in_the_same_size_lies_in_the_same_places(
    one: list[Function], other: list[Function], seed: str
) -> None:
    both = shared(one, other)
    assert set(both[0]) == {own.name for own in set(one) & set(other)}
    orders = [order(own, names, seed) for own, names in zip((one, other), both, strict=True)]
    for own, found in zip((one, other), orders, strict=True):
        assert sorted({*found} - {*FRONT, *REAR}) == sorted(one.name for one in own)
        assert len(set(found)) == len(found)
    first, second = (offsets(names, own) for names, own in zip(orders, (one, other), strict=True))
    assert {name: first[name] for name in both[0]} == {name: second[name] for name in both[1]}


def test_orders_differ_by_their_seed() -> None:
    known = [Function(name, 16, 16) for name in "abcdefgh"]
    assert len({tuple(order(known, [], str(seed))) for seed in range(20)}) == 20


def test_names_of_rust_are_told_without_what_each_build_adds() -> None:
    one = [
        Function("_ZN3toy4busy17h0123456789abcdefE", 16, 16),
        Function("_RNvCs1a2B_3toy5quick", 32, 16),
        Function("_ZN3toy5other17h0123456789abcdefE", 48, 16),
    ]
    other = [
        Function("_RNvCs9z_3toy5quick", 32, 16),
        Function("_ZN3toy4busy17hfedcba9876543210E", 16, 16),
        Function("_ZN3toy5other17hfedcba9876543210E", 64, 16),
    ]
    pairs = {*zip(*shared(one, other), strict=True)}
    assert pairs == {(one[0].name, other[1].name), (one[1].name, other[0].name)}


def test_of_functions_that_are_called_alike_those_that_are_the_same_to_the_letter_are_pairs() -> (
    None
):
    names = [f"_ZN3toy4grow17h000000000000000{digit}E" for digit in range(4)]
    one = [Function(name, 16, 16) for name in names[:3]]
    other = [Function(name, 16, 16) for name in names[1:]]
    pairs = [*zip(*shared(one, other), strict=True)]
    assert pairs == [(names[1], names[1]), (names[2], names[2]), (names[0], names[3])]


def test_a_name_that_two_functions_have_is_no_pair() -> None:
    twice = [Function("helper", 16, 16), Function("helper", 16, 16)]
    assert shared(twice, twice) == ((), ())
