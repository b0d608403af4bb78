"""What the mails of automations brought in: orders by the last click, after the mails of the last thirty days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.analytics.attribution import orders_after
from campaigns.analytics.recipients import Group
from campaigns.automations.figures import SPAN, mail_owners, messages
from campaigns.automations.models import Automation
from personalize.accounts.models import Brand
from personalize.core.clock import now
from personalize.core.registries import Stat
from personalize.dashboard.figures import money


def stats(request: HttpRequest, automation: Automation) -> list[Stat]:
    """Orders from its mail and what they are worth, net of what was given back; none before it was published."""
    if automation.live_id is None:
        return []
    mails = messages(list(mail_owners(automation))).filter(created_at__gte=now() - SPAN)
    rows = list(orders_after(mails).values_list("total", "returned"))
    number, worth = len(rows), sum(total - returned for total, returned in rows)
    brand = Brand.objects.first()
    currency = brand.currency if brand else "GBP"
    each = _("%(money)s an order") % {"money": money(worth // number, currency)} if number else _("last 30 days")
    return [
        Stat(
            _("Orders from its mail"),
            f"{number:,}",
            _("last click within 5 days"),
            people_url(automation, Group.ORDERED, str(SPAN.days)) if number else "",
        ),
        Stat(_("Worth"), money(worth, currency, short=True), each),
    ]


def orders_by_automation(automations: Sequence[Automation]) -> Mapping[int, int]:
    """The orders after the mails of the last thirty days of each, by primary key."""
    owners: dict[UUID, int] = {owner: one.pk for one in automations for owner in mail_owners(one)}
    mails = messages(list(owners)).filter(created_at__gte=now() - SPAN)
    credited = orders_after(mails).values_list("owner", flat=True)
    return Counter(owners[owner] for owner in credited)


def people_url(automation: Automation, group: Group, period: str, step: str = "") -> str:
    """The mails, with their people, that a figure of the report counts; those of one step, or of all."""
    query = f"view={group.value}&period={period}" + (f"&step={step}" if step else "")
    return f"{reverse('analytics:automation_people', args=[automation.uuid])}?{query}"
