"""How large anything in a template may be. One place, so that tests, code and documentation agree."""

from __future__ import annotations

SOURCE_CHARS = 512 * 1024
NODES = 5_000
DEPTH = 50
NESTED_LOOPS = 2
RANGE = 1_000
TEXT = 10_000
OUTPUT_CHARS = 1024 * 1024
LINE_CHARS = 250
CACHED_TEMPLATES = 64
FRAME_BYTES = 64 * 1024 * 1024
