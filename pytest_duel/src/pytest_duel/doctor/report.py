"""The doctor's report: what disturbs measurements, why, what to do, and how large the noise is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_duel.doctor.noise import BLOCKS, Noise, smallest
from pytest_duel.gate.settings import Settings
from pytest_duel.results.leads import MARGIN
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.findings import Finding, Probe, Status
from pytest_duel.support.terminal import wrapped
from pytest_duel.support.units import duration, share
from pytest_duel.verdicts.rows import change

HEADINGS = {
    Status.WRONG: "Must be fixed first",
    Status.HURTS: "Will disturb",
    Status.UNKNOWN: "Not known",
    Status.FINE: "Fine",
}


@dataclass(frozen=True)
class Diagnosis:
    """The findings."""

    machine: str
    findings: Sequence[tuple[Probe, Finding]]
    noise: Noise | None = None
    """None where it was not asked for."""

    @property
    def slowdown(self) -> float | None:
        """Return the smallest slowdown that a duel would tell at this noise."""
        return smallest(self.noise.pairs.spread, Settings.threshold) if self.noise else None

    @property
    def exit(self) -> Exit:
        """Return the command's exit code; advice alone is none."""
        if any(finding.status is Status.WRONG for _, finding in self.findings):
            return Exit.REGRESSION
        return Exit.INCONCLUSIVE if (self.slowdown or 0) > MARGIN else Exit.PASS

    @property
    def verdict(self) -> str:
        """Say in a line what to make of it."""
        if self.exit is Exit.REGRESSION:
            return "do not measure: what would be timed is not what users run"
        if self.exit is Exit.INCONCLUSIVE:
            return (
                f"too noisy: even a slowdown of {share(MARGIN)} would not be seen; quiet it first"
            )
        hurts, untold = self._count(Status.HURTS), self._count(Status.UNKNOWN)
        if hurts:
            things = "thing disturbs" if hurts == 1 else "things disturb"
            return f"measure, but {hurts} {things}: compare times within one run only"
        unknown = f"; {untold} could not be checked" if untold else ""
        return f"nothing was found that disturbs a measurement{unknown}"

    def _count(self, status: Status) -> int:
        return sum(finding.status is status for _, finding in self.findings)


def render(diagnosis: Diagnosis) -> str:
    """Return it as text, the verdict last, where a terminal ends."""
    lines = wrapped(f"doctor: {diagnosis.machine}")
    for status, heading in HEADINGS.items():
        found = [one for one in diagnosis.findings if one[1].status is status]
        if found:
            lines += ["", heading, "-" * len(heading)]
            for one in found:
                lines += _finding(*one)
    if diagnosis.noise:
        lines += ["", *_noise(diagnosis.noise, diagnosis.slowdown or 0.0)]
    lines += ["", *wrapped(f"verdict: {diagnosis.verdict}")]
    return "\n".join(lines) + "\n"


def _finding(probe: Probe, finding: Finding) -> Iterator[str]:
    yield from wrapped(f"{probe.name}: {finding.found}")
    if finding.status in (Status.WRONG, Status.HURTS):
        yield from wrapped(f"  why: {probe.why}")
    for advice in finding.advice:
        # A command stays on its line, to be copied.
        yield from [f"  {advice}"] if advice.startswith("$ ") else wrapped(f"  do: {advice}")


def _noise(noise: Noise, slowdown: float) -> Iterator[str]:
    heading = f"Noise, measured in {noise.seconds:.0f} s"
    yield from [heading, "-" * len(heading)]
    pairs, gaps = noise.pairs, noise.gaps
    yield from wrapped(
        f"{pairs.benchmark} against itself: {change(pairs.found)} in {pairs.found.blocks} blocks"
    )
    yield from wrapped(
        f"two processes in turns on one CPU differ by {pairs.spread:.1%} (standard deviation of "
        f"their ratio), processes at different times by {pairs.apart:.1%}"
    )
    yield from wrapped(
        f"with this noise, a duel of {BLOCKS} blocks finds a slowdown of {slowdown:.1%} nine "
        f"times in ten, at a threshold of {share(Settings.threshold)}"
    )
    cpus = f"{gaps.cpus} CPU{'s' if gaps.cpus > 1 else ''}"
    if not gaps.number:
        yield f"interruptions: none in {gaps.seconds * gaps.cpus:.1f} s on {cpus}"
        return
    yield from wrapped(
        f"interruptions: {gaps.number / (gaps.seconds * gaps.cpus):.0f} a second on {cpus}, the "
        f"longest {duration(gaps.longest)}, together {gaps.lost:.2%} of the time"
    )


def to_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the same for machines: times in seconds, changes as shares."""
    return {
        "schema": 1,
        "machine": diagnosis.machine,
        "exit": int(diagnosis.exit),
        "verdict": diagnosis.verdict,
        "findings": [
            {"name": probe.name, "why": probe.why, **asdict(finding)}
            for probe, finding in diagnosis.findings
        ],
        "noise": diagnosis.noise and {**asdict(diagnosis.noise), "slowdown": diagnosis.slowdown},
    }
