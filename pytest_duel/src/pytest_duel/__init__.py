"""Benchmarks measured in pairs.

Seven tiers of packages; a module imports from its own package and from lower tiers only, or from
what stands before a semicolon:

1. `support`, `statistics`
2. `catalogue`
3. `results`, `paired`
4. `verdicts`
5. `compare`, `duel`, `gate`; `history`, `selftest`, `doctor`
6. `formats`, `charts`; `page`, `plugin`
7. `cli`

PYTEST_DONT_REWRITE: a project's conftest.py may import it before pytest looks for plugins, as
`pytest-benchmark compare` does, and pytest would warn of that.
"""

__version__ = "0.1.0"
