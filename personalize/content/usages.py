"""What templates use of what lies below them: attributes in their texts, attributes and lists in "show when"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext as _

from personalize.content.models import Template
from personalize.core.registries import UsageSource, Use
from segments.segmentation.usages import attributes_in, lists_in

_MERGED = re.compile(r"\bsubscriber\.([a-z][a-z0-9_]*)")


def sources() -> list[UsageSource]:
    """Templates as users of attributes and of lists."""
    return [
        UsageSource("content.attribute", "attribute", lambda one: _attributes().get(one.key, []), _attributes),
        UsageSource("content.list", "list", lambda one: _lists().get(str(one.uuid), []), _lists),
    ]


def _attributes() -> dict[str, list[Use]]:
    return _table(lambda template: {*_merged(template), *attributes_in(template.blocks)})


def _lists() -> dict[str, list[Use]]:
    return _table(lambda template: lists_in(template.blocks))


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
