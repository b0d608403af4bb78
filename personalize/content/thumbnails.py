"""Where the small picture of a mail comes from: the mail itself, as one person gets it, in its sandbox."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from personalize.content.models import Template, TemplateVersion
from personalize.core.permissions import allowed
from segments.subscribers.models import Subscriber


def thumbnail_url(*, content: Template | TemplateVersion | None, user: Any) -> str:
    """The address of the picture; "" when there is no mail or no person yet, or when ``user`` may not see either."""
    if content is None or not (allowed(user, "content.edit") and allowed(user, "people.view")):
        return ""
    person = Subscriber.objects.present().order_by("pk").values_list("uuid", flat=True).first()
    if person is None:
        return ""
    if isinstance(content, TemplateVersion):
        return f"{reverse('content:preview', args=[content.template.uuid, person])}?version={content.number}"
    return reverse("content:preview", args=[content.uuid, person])
