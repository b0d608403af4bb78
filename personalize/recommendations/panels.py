"""What recommendations bring to other pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from personalize.core import clock
from personalize.recommendations.serving import recommend
from personalize.recommendations.types import ProductRequest
from segments.commerce.models import Product
from segments.subscribers.models import Subscriber

SHOWN = 4
_KEY = "panel"


def would_see(request: HttpRequest, person: Subscriber) -> dict[str, Any] | None:
    """The products a person would get in a mail sent now, with the reason for each; nothing for an empty shop."""
    wanted = {_KEY: ProductRequest("bought_together", SHOWN)}
    found = recommend(requests=wanted, subscriber_ids=[person.pk], as_of=clock.now())[_KEY][person.pk]
    if not found:
        return None
    products = Product.objects.in_bulk([item.product_id for item in found])
    return {
        "name": person.preferred_name or person.first_name or _("This person"),
        "products": [(products[item.product_id], item.reason) for item in found],
    }
