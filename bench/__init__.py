"""The harness: scenario → backend → parity → measurement → saved run → summary.

Each module imports only from earlier stages. `registry` holds the words, `catalogue` lists what
this project measures, `plugin` connects both to pytest. See docs/method.md.
"""
