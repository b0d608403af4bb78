"""Makes the next version of a template out of what is written in it, without storing anything."""

from __future__ import annotations

import hashlib
import json

from personalize.accounts.models import Brand
from personalize.content.compiler import Draft, Frame, compile_mail
from personalize.content.models import Template, TemplateVersion
from personalize.content.types import Problem
from personalize.core import clock
from personalize.rendering.renderer import Renderer


def unsaved(
    template: Template, *, brand: Brand, renderer: Renderer, marketing: bool = True
) -> TemplateVersion | list[Problem]:
    """A version that is not in the database, or what is wrong with the template; its number is still 0.

    A built-in service mail stays one, whoever saves it.
    """
    compiled = compile_mail(
        Draft(template.subject, template.preheader, template.blocks),
        frame=Frame(brand.name, brand.website, brand.style),
        renderer=renderer,
        marketing=marketing and not template.key,
    )
    if isinstance(compiled, list):
        return compiled
    content = [template.subject, template.preheader, template.blocks, compiled.compiled, compiled.links]
    return TemplateVersion(
        template=template,
        number=0,
        subject=template.subject,
        preheader=template.preheader,
        blocks=template.blocks,
        compiled=compiled.compiled,
        links=compiled.links,
        fields=compiled.fields,
        rules=compiled.rules,
        products=compiled.products,
        content_hash=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        created_at=clock.now(),
    )
