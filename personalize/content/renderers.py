"""How the installation's settings make a renderer."""

from __future__ import annotations

from django.conf import settings

from personalize.rendering.renderer import Renderer


def new_renderer(*, patient: bool = False) -> Renderer:
    """A renderer with the configured limits; ``patient`` allows one mail as long as compiling, for somebody who waits."""
    return Renderer(
        memory_mb=settings.RENDER_MEMORY_MB,
        message_seconds=settings.RENDER_COMPILE_SECONDS if patient else settings.RENDER_MESSAGE_SECONDS,
        compile_seconds=settings.RENDER_COMPILE_SECONDS,
    )
