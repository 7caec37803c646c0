"""Files that are there whole or not at all."""

import os
from pathlib import Path


def write(path: Path, content: str) -> None:
    """Write a UTF-8 file in one step; one that is there keeps its mode."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
