"""Shows a mail as one person would get it, by the same way it is sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from personalize.accounts.models import Brand
from personalize.content import builtin, contexts, subjects, versions
from personalize.content.models import Template, TemplateVersion
from personalize.content.renderers import borrowed_renderer
from personalize.content.types import Problem
from personalize.core import clock
from personalize.rendering import links
from personalize.rendering.types import Failure, Job
from segments.subscribers.models import Subscriber


@dataclass(frozen=True)
class Preview:
    """A rendered mail without tracking, or what is wrong with it; ``fallbacks`` are the fields this person lacks."""

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    problems: list[Problem] = field(default_factory=list)
    fallbacks: tuple[str, ...] = ()


def preview(
    *,
    content: TemplateVersion | Template,
    subscriber: Subscriber,
    brand: Brand,
    as_of: dt.datetime | None = None,
    language: str | None = None,
) -> Preview:
    """The mail for ``subscriber``, from a saved version or from a template as it stands. Its links lead nowhere."""
    with borrowed_renderer() as renderer:
        version = content
        if isinstance(version, Template):
            made = versions.unsaved(version, brand=brand, renderer=renderer, marketing=not version.key)
            if isinstance(made, list):
                return Preview(problems=made)
            version = made
        context = contexts.prepare(
            version=version,
            people=Subscriber.objects.filter(pk=subscriber.pk),
            person="",
            as_of=as_of or clock.now(),
            brand=brand,
            language=language,
            trigger=builtin.SAMPLE if version.template.key else _sample(version),
        )[subscriber.pk]
        parts = ("subject", "preheader", "html_untracked", "text_untracked")
        (done,) = renderer.render(version.content_hash, version.compiled, [Job("preview", parts, context.data)])
    if isinstance(done, Failure):
        return Preview(problems=[Problem("", "", done.reason)])
    return Preview(
        subject=done.parts["subject"],
        preheader=done.parts["preheader"],
        html=links.replace(done.parts["html_untracked"], lambda name: f"#{name}"),
        text=links.replace(done.parts["text_untracked"], lambda name: f"({name})"),
        fallbacks=done.fallbacks,
    )


def _sample(version: TemplateVersion) -> dict[str, Any]:
    """What stands for the cart, order or product that the mail is about, whatever its first block of that kind shows."""
    return next((subjects.sample(block.about) for block in subjects.shows(version.blocks)), {})
