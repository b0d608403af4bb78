"""Products, and the connections of the shop with their receipts and mappings."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from personalize.accounts.brand import shop_currency
from personalize.core import clock, registries
from personalize.core.permissions import require
from personalize.core.registries import Stat
from personalize.dashboard import figures
from personalize.dashboard.lists import ListPage
from segments.commerce import catalogue, samples, services
from segments.commerce.forms import ConnectionForm, MappingForm, OriginsForm, initial_of
from segments.commerce.intake import Taken
from segments.commerce.mapping import THINGS, problems
from segments.commerce.models import Connection, Product, Receipt, ReceiptState

SHOWN_RECEIPTS = 30
_TONES = {ReceiptState.TAKEN: "good", ReceiptState.IGNORED: "", ReceiptState.REFUSED: "bad"}


@require("report.view")
def products(request: HttpRequest) -> HttpResponseBase:
    """The catalogue."""
    page = ListPage(request, catalogue.products(), Product.objects.all())
    if page.wants_export:
        return page.export()
    found = ngettext("%(count)s product", "%(count)s products", page.count) % {"count": intcomma(page.count)}
    return render(request, "commerce/products.html", {"list": page, "found": found})


@require("report.view")
def product(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One product: what is known of it, and how it sells."""
    one = get_object_or_404(Product, uuid=uuid)
    lately, ever = (
        catalogue.sold_lines([one], since).aggregate(
            pieces=Sum("quantity"), amount=Sum("amount"), buyers=Count("subscriber", distinct=True)
        )
        for since in (clock.now() - catalogue.SOLD_WITHIN, None)
    )
    currency = shop_currency()
    stats = [
        Stat(_("Sold, 90 days"), lately["pieces"] or 0, _("pieces")),
        Stat(_("Taken in, 90 days"), figures.money(lately["amount"] or 0, currency), _("returns not taken off")),
        Stat(_("Sold, ever"), ever["pieces"] or 0, figures.money(ever["amount"] or 0, currency)),
        Stat(_("Buyers"), ever["buyers"], _("people we know")),
    ]
    facts = [
        (_("Code"), one.code),
        (_("Price"), "" if one.price is None else figures.money(one.price, currency)),
        (_("Stock"), catalogue.stock(one)),
        (_("Category"), one.category),
        (_("Brand"), one.brand),
        (_("Page"), one.url),
        (_("Picture"), one.image_url),
    ]
    return render(
        request,
        "commerce/product.html",
        {
            "product": one,
            "stats": stats,
            "facts": facts,
            "picture": catalogue.picture(),
            "uses": registries.uses_of("product", one),
        },
    )


@require("settings.edit")
def connections(request: HttpRequest) -> HttpResponse:
    """All connections with when they last told us something."""
    rows = Connection.objects.annotate(
        last=Max("receipts__received_at"),
        refused=Count("receipts", filter=Q(receipts__state=ReceiptState.REFUSED)),
    ).order_by("name")
    return render(request, "commerce/connections.html", {"connections": rows})


@require("settings.edit")
def new_connection(request: HttpRequest) -> HttpResponse:
    form = ConnectionForm(request.POST or None)
    if form.is_valid():
        connection = services.create_connection(**form.cleaned_data, actor=request.user)
        messages.success(request, _("Connected on this side. Now tell the shop."))
        return redirect("commerce:connection", connection.uuid)
    return render(request, "commerce/new_connection.html", {"form": form})


@require("settings.edit")
def connection(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One connection: how to tell the shop, what came, and whether we listen."""
    one = get_object_or_404(Connection, uuid=uuid)
    form = OriginsForm(request.POST or None, initial={"origins": "\n".join(one.origins)})
    if request.method == "POST":
        changes: dict[str, Any] = {}
        if "enabled" in request.POST:
            changes = {"enabled": request.POST["enabled"] == "1"}
        elif form.is_valid():
            changes = form.cleaned_data
        if changes:
            _saved(request, one, changes)
            return redirect("commerce:connection", one.uuid)
    shown = one.receipts.order_by("-received_at", "-pk")
    if request.GET.get("state") in ReceiptState.values:
        shown = shown.filter(state=request.GET["state"])
    return render(
        request,
        "commerce/connection.html",
        {
            "connection": one,
            "address": request.build_absolute_uri(reverse("commerce:hook", args=[one.uuid])),
            "script": request.build_absolute_uri(reverse("commerce:script", args=[one.uuid])),
            "receipts": [(receipt, _TONES[ReceiptState(receipt.state)]) for receipt in shown[:SHOWN_RECEIPTS]],
            "topics": sorted({topic for part in one.mapping.values() for topic in part.get("topics", [])}),
            "form": form,
        },
    )


@require("settings.edit")
def receipt(request: HttpRequest, uuid: UUID, receipt: UUID) -> HttpResponse:
    """One payload as it came, and what became of it."""
    one = get_object_or_404(Receipt.objects.select_related("connection"), uuid=receipt, connection__uuid=uuid)
    body = one.body if isinstance(one.body, str) else json.dumps(one.body, indent=2, ensure_ascii=False)
    return render(
        request,
        "commerce/receipt.html",
        {
            "connection": one.connection,
            "receipt": one,
            "body": body,
            "tone": _TONES[ReceiptState(one.state)],
            "may_retry": one.state == ReceiptState.REFUSED and isinstance(one.body, dict),
        },
    )


@require("settings.edit")
@require_POST
def again(request: HttpRequest, uuid: UUID, receipt: UUID) -> HttpResponse:
    """Take a refused payload again."""
    one = get_object_or_404(Receipt, uuid=receipt, connection__uuid=uuid)
    became = services.try_again(receipt=one, actor=request.user)
    if became.state == ReceiptState.REFUSED:
        messages.error(request, _("Still refused: %s") % became.detail)
    else:
        messages.success(request, became.detail or _("Nothing in it is for us."))
    return redirect("commerce:receipt", uuid, receipt)


@require("settings.edit")
def mapping(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What the payloads of a connection mean, thing by thing, tried on a sample."""
    one = get_object_or_404(Connection, uuid=uuid)
    thing = THINGS.get(request.GET.get("thing", ""), THINGS["order"])
    sample, topic = samples.latest(one, thing, request.GET.get("receipt", ""))
    form = MappingForm(thing, request.POST or None, initial=initial_of(one, thing, sample, topic))
    context: dict[str, Any] = {"connection": one, "thing": thing, "things": THINGS.values(), "form": form}
    if form.is_valid():
        sample = form.cleaned_data["sample"]
        wanted = {**one.mapping, thing.key: form.part(), "consent": form.consent()}
        faults = problems({thing.key: wanted[thing.key]})
        if "save" in request.POST and not faults:
            if _saved(request, one, {"mapping": wanted}, form.cleaned_data["lock_version"]):
                return redirect(f"{reverse('commerce:mapping', args=[one.uuid])}?thing={thing.key}")
        elif faults:
            form.tell(faults)
        elif sample is not None:
            context |= _tried(one, wanted, form, sample)
    context["tree"] = samples.tree(sample) if isinstance(sample, dict) else []
    return render(request, "commerce/mapping.html", context)


def _tried(one: Connection, wanted: dict[str, Any], form: MappingForm, sample: dict[str, Any]) -> dict[str, Any]:
    """What would become of the sample, with what is wrong at the fields."""
    found = services.rehearse(connection=one, mapping=wanted, topic=form.cleaned_data["sample_topic"], payload=sample)
    if isinstance(found, Taken):
        return {"tried": found, "read": samples.told(found.reads)}
    form.tell(found)
    return {}


def _saved(request: HttpRequest, one: Connection, changes: dict[str, Any], based_on: int | None = None) -> bool:
    lock_version = one.lock_version if based_on is None else based_on
    if services.change_connection(connection=one, lock_version=lock_version, actor=request.user, **changes):
        messages.success(request, _("Saved."))
        return True
    messages.error(request, _("Somebody else changed this connection meanwhile. Look at it again, then save."))
    return False
