"""Renderers for people who wait in front of a page: lent out one at a time and kept warm in between."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from personalize.rendering.renderer import Renderer

_KEPT = 2
_idle: deque[Renderer] = deque()
# A forked process must not talk to its parent's children.
os.register_at_fork(after_in_child=_idle.clear)


@contextmanager
def borrowed_renderer() -> Iterator[Renderer]:
    """A renderer nobody else in this process uses meanwhile; one mail may take as long as compiling it."""
    try:
        renderer = _idle.pop()
    except IndexError:
        renderer = Renderer(
            memory_mb=settings.RENDER_MEMORY_MB,
            message_seconds=settings.RENDER_COMPILE_SECONDS,
            compile_seconds=settings.RENDER_COMPILE_SECONDS,
        )
    try:
        yield renderer
    finally:
        if len(_idle) < _KEPT:
            _idle.append(renderer)
        else:
            renderer.close()
