"""Variables that have Python traced from its start, which would be timed along."""

from collections.abc import Mapping

TRACING = (
    "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "COV_CORE_CONFIG", "COV_CORE_DATAFILE",
    "COV_CORE_SOURCE", "PYTHONPROFILEIMPORTTIME", "PYTHONTRACEMALLOC",
)  # fmt: skip


def untraced(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which an interpreter is not traced."""
    return {name: value for name, value in variables.items() if name not in TRACING}
