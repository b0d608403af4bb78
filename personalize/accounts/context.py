"""The brand, for every template that names the shop."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from personalize.accounts.models import Brand


def brand(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the one brand, read when a template asks for it."""
    return {"brand": SimpleLazyObject(Brand.objects.first)}
