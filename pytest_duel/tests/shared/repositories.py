"""Repositories of a few commits."""

import os
import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=root, env=environment, timeout=120,
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(repository: Path, subject: str, when: int) -> str:
    date = f"{1_700_000_000 + when} +0000"
    git(repository, "-c", "core.editor=true", "commit", "--quiet", "--allow-empty",
        f"--date={date}", "--message", subject)  # fmt: skip
    return git(repository, "rev-parse", "HEAD")
