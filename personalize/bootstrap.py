"""Makes `.venv` on a machine that has only Python, so that the first command works; standard library only."""

from __future__ import annotations


def ensure_environment(argv: list[str]) -> None:
    """Return at once when the dependencies are importable."""
