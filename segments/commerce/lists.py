"""Orders on the pages about people: columns of the list, figures of one person."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.accounts.brand import shop_currency
from personalize.core.registries import ListColumn, Stat
from personalize.dashboard import figures
from personalize.dashboard.templatetags.dashboard import count, day
from segments.commerce.models import Order, OrderStatus, Refund
from segments.commerce.money import main_units, units
from segments.subscribers.models import Subscriber


class Spent(Decimal):
    """Main units that know their currency; exported as the plain number."""

    currency: str

    def shown(self) -> str:
        return figures.money(units(self) or 0, self.currency)


def columns() -> list[ListColumn]:
    """Orders, what was spent net of refunds, and the last order."""
    return [
        ListColumn(
            "orders",
            "subscribers",
            gettext_lazy("Orders"),
            values=_orders,
            show=lambda number, person: count(number or 0, _orders_url(person)),
            number=True,
            order=20,
        ),
        ListColumn(
            "spent",
            "subscribers",
            gettext_lazy("Spent"),
            values=_spent,
            show=lambda spent, _person: spent.shown() if spent else "–",
            number=True,
            order=30,
        ),
        ListColumn(
            "last_order",
            "subscribers",
            gettext_lazy("Last order"),
            values=_last,
            show=lambda date, _person: day(date) if date else _("Never"),
            order=40,
        ),
    ]


def stats(_request: HttpRequest, person: Subscriber) -> list[Stat]:
    """How often and how much a person bought."""
    kept = Order.objects.filter(subscriber=person).exclude(status=OrderStatus.CANCELLED)
    found = kept.aggregate(number=Count("pk"), total=Sum("total"), first=Min("placed_at"))
    if not found["number"]:
        return [Stat(_("Orders"), 0, _("none yet"))]
    given_back = Refund.objects.filter(subscriber=person).aggregate(total=Sum("total"))["total"] or 0
    spent = figures.money(found["total"] - given_back, shop_currency(), short=True)
    since = _("since %(date)s") % {"date": day(found["first"])}
    return [
        Stat(_("Orders"), found["number"], since, _orders_url(person)),
        Stat(_("Spent"), spent, _("returns taken off")),
    ]


def _orders_url(person: Subscriber) -> str:
    return reverse("subscribers:detail", args=[person.uuid]) + "?tab=orders"


def _kept(people: Sequence[Subscriber]) -> Any:
    return Order.objects.filter(subscriber__in=people).exclude(status=OrderStatus.CANCELLED).values("subscriber")


def _orders(people: Sequence[Subscriber]) -> dict[int, int]:
    return dict(_kept(people).annotate(number=Count("pk")).values_list("subscriber", "number"))


def _spent(people: Sequence[Subscriber]) -> dict[int, Spent]:
    given_back = dict(
        Refund.objects.filter(subscriber__in=people)
        .values("subscriber")
        .annotate(sum=Sum("total"))
        .values_list("subscriber", "sum")
    )
    bought = _kept(people).annotate(sum=Sum("total")).values_list("subscriber", "sum")
    found = {person: Spent(main_units(total - given_back.get(person, 0))) for person, total in bought}
    currency = shop_currency()
    for spent in found.values():
        spent.currency = currency
    return found


def _last(people: Sequence[Subscriber]) -> dict[int, Any]:
    return dict(_kept(people).annotate(at=Max("placed_at")).values_list("subscriber", "at"))
