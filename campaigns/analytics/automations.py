"""What the mails of automations brought in: orders by the last click, of the last thirty days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns.analytics.attribution import credited_orders
from campaigns.automations.figures import SPAN, mail_owners
from campaigns.automations.models import Automation
from campaigns.automations.types import OWNER_KIND
from campaigns.tracking.models import Hit
from personalize.accounts.models import Brand
from personalize.core.clock import now
from personalize.core.registries import Stat
from personalize.dashboard.figures import money


def stats(request: HttpRequest, automation: Automation) -> list[Stat]:
    """Orders from its mail and what they are worth, net of what was given back; none before it was published."""
    if automation.live_id is None:
        return []
    orders = _credited(since=now() - SPAN).filter(owner__in=list(mail_owners(automation)))
    rows = list(orders.values_list("total", "returned"))
    number, worth = len(rows), sum(total - returned for total, returned in rows)
    brand = Brand.objects.first()
    currency = brand.currency if brand else "GBP"
    each = _("%(money)s an order") % {"money": money(worth // number, currency)} if number else _("last 30 days")
    return [
        Stat(_("Orders from its mail"), f"{number:,}", _("last click within 5 days")),
        Stat(_("Worth"), money(worth, currency, short=True), each),
    ]


def orders_by_automation(automations: Sequence[Automation]) -> Mapping[int, int]:
    """The orders of the last thirty days from the mails of each, by primary key."""
    owners: dict[UUID, int] = {owner: one.pk for one in automations for owner in mail_owners(one)}
    found: Counter[int] = Counter()
    for owner in _credited(since=now() - SPAN).filter(owner__in=list(owners)).values_list("owner", flat=True):
        found[owners[owner]] += 1
    return found


def _credited(*, since: dt.datetime) -> Any:
    """Orders since then with ``owner``, of the mail step whose mail they are credited to."""
    hits = Hit.objects.filter(pk=OuterRef("credited_hit"), message__mailing__owner_kind=OWNER_KIND)
    owner = Subquery(hits.values("message__mailing__owner")[:1])
    return credited_orders().filter(placed_at__gte=since).annotate(owner=owner)
