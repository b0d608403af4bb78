"""Why somebody got what an automation sends, or did not."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from campaigns.automations import why as reasons
from campaigns.automations.models import Automation
from personalize.core.permissions import require
from segments.subscribers.models import Subscriber


@require_GET
@require("people.view")
def why(request: HttpRequest, uuid: UUID, person: UUID) -> HttpResponseBase:
    """Every gate that a person came to."""
    automation = get_object_or_404(Automation.objects.select_related("live", "topic"), uuid=uuid)
    subscriber = get_object_or_404(Subscriber, uuid=person)
    told = reasons.why(subscriber=subscriber, automation=automation)
    return render(request, "automations/why.html", {"automation": automation, "person": subscriber, "told": told})
