"""JSON, for other programs."""

import json
import math
from typing import Any

from pytest_duel.support import harmless
from pytest_duel.verdicts.model import Judgement, Row

SCHEMA = 1
DIGITS = 9
"""Significant ones: more than any time has, fewer than differ between systems."""


def render(judgement: Judgement) -> str:
    """Return one document; numbers that are unknown or unbounded are null."""
    document = {
        "schema": SCHEMA,
        "command": judgement.command,
        "title": judgement.title,
        "verdict": judgement.word,
        "exit_code": int(judgement.exit),
        "counts": judgement.counts,
        "warnings": judgement.warnings,
        "notes": judgement.notes,
        **judgement.data,
        "cases": [_row(row) for row in judgement.rows],
        "means": [_row(row) for row in judgement.means],
    }
    text = json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    return harmless.json_text(text) + "\n"


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "verdict": row.word,
        "exit_code": int(row.exit),
        "note": row.note,
        **row.data,
    }


def _finite(value: Any) -> Any:
    """Return the same with rounded numbers, and None for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
