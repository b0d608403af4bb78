"""Finds templates: for the search field, and the one to show a person's mail with."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from personalize.content.models import Template
from personalize.core.permissions import allowed
from personalize.core.registries import SearchHit
from segments.subscribers.models import Subscriber


def find(user: Any, words: str, limit: int) -> list[SearchHit]:
    """Templates whose name or subject contains every word; none for people who may not edit content."""
    if not allowed(user, "content.edit"):
        return []
    found = Template.objects.all()
    for word in words.split():
        found = found.filter(name__icontains=word) | found.filter(subject__icontains=word)
    return [SearchHit(one.name, one.subject, reverse("content:template", args=[one.uuid])) for one in found[:limit]]


def preview_for(person: Subscriber) -> str | None:
    """Where the template changed last is shown as ``person`` gets it; None while there is no template."""
    newest = Template.objects.order_by("-updated_at").first()
    return f"{reverse('content:template', args=[newest.uuid])}?person={person.uuid}" if newest else None
