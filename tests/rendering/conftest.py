"""One renderer for all tests of rendering: starting its child is what costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from personalize.rendering.renderer import Renderer
from personalize.rendering.types import Failure, Job, Rendered


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    with Renderer(memory_mb=512, message_seconds=0.25, compile_seconds=2.0) as one:
        yield one


Render = Callable[..., str]


@pytest.fixture
def render(renderer: Renderer) -> Render:
    """Renders one source with data: ``render(source, part="html", **data)``; fails the test when it fails."""

    def once(source: str, part: str = "html", **data: Any) -> str:
        (done,) = renderer.render(f"{part}:{source}", {part: source}, [Job("1", (part,), data)])
        assert isinstance(done, Rendered), done
        return done.parts[part]

    return once


@pytest.fixture
def refusal(renderer: Renderer) -> Callable[..., str]:
    """Why a source is refused, whether when it is checked or when it is rendered; "" when it is not."""

    def why(source: str, **data: Any) -> str:
        problems = renderer.check({"html": source})
        if problems:
            return problems[0].message
        (done,) = renderer.render(source, {"html": source}, [Job("1", ("html",), data)])
        return done.reason if isinstance(done, Failure) else ""

    return why
