"""Where the pages of an automation are, and the names by which their addresses narrow the people in it."""

from __future__ import annotations

from django.urls import reverse

from campaigns.automations.models import Automation

EVERY = "all"
SENT, CLICKED = "sent", "clicked"


def url(automation: Automation, query: str = "") -> str:
    """The page of an automation."""
    return reverse("automations:detail", args=[automation.uuid]) + (f"?{query}" if query else "")


def people_url(automation: Automation, query: str = "") -> str:
    """The list of the people in an automation."""
    return reverse("automations:people", args=[automation.uuid]) + (f"?{query}" if query else "")


def left_out_url(automation: Automation, query: str = "") -> str:
    """The list of whoever did not come in."""
    return reverse("automations:left_out", args=[automation.uuid]) + (f"?{query}" if query else "")
