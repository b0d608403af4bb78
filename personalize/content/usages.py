"""What templates use of what lies below them: attributes in their texts, and what "show when" names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.content.models import Template
from personalize.core.registries import UsageSource, Use
from segments.segmentation.usages import NAMED, of_rules

_MERGED = re.compile(r"\bsubscriber\.([a-z][a-z0-9_]*)")


def sources() -> list[UsageSource]:
    """Templates as users of attributes in their texts, and of whatever their rules name."""
    edited = {"segment": gettext_lazy("Its blocks are shown by the new rule, in every mail made from then on.")}
    return [
        of_rules("content", kind, partial(_table, partial(_names, kind)), edited=edited.get(kind, "")) for kind in NAMED
    ]


def _names(kind: str, template: Template) -> set[str]:
    names, _field = NAMED[kind]
    rules = [block.get("show_when") for block in template.blocks if isinstance(block, dict)]
    return {*names(rules), *(_merged(template) if kind == "attribute" else ())}


def _merged(template: Template) -> set[str]:
    """The fields of the person that the words of a template name."""
    words = (template.subject, template.preheader, json.dumps(template.blocks, ensure_ascii=False))
    return {key for text in words for key in _MERGED.findall(text)}


def _table(names: Callable[[Template], set[str]]) -> dict[str, list[Use]]:
    """The templates by what they name; one query."""
    found: dict[str, list[Use]] = {}
    for template in Template.objects.order_by("name"):
        use = (template.name, _("Template"), reverse("content:template", args=[template.uuid]))
        for name in names(template):
            found.setdefault(name, []).append(use)
    return found
