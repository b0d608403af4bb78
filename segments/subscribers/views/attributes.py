"""Pages of the attribute registry and of the quarantine."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from personalize.core import permissions, registries
from personalize.core.permissions import require
from segments.subscribers import people, profile, quarantine, registry
from segments.subscribers.attribute_forms import AttributeForm, Fallbacks
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.subscribers.person_forms import MendForm, field_label
from segments.subscribers.services import define_attribute, delete_attribute
from segments.subscribers.types import Refusal

PAGE = 15


@require_GET
@require("people.view")
def index(request: HttpRequest) -> HttpResponse:
    """Every attribute and built-in field, with how much is known of each."""
    return render(request, "subscribers/attributes.html", {"registry": registry.read()})


@require("audience.edit")
def new(request: HttpRequest) -> HttpResponseBase:
    """Define an attribute."""
    return _define(request, None)


@require("audience.edit")
def edit(request: HttpRequest, key: str) -> HttpResponseBase:
    """Change the definition of an attribute."""
    return _define(request, get_object_or_404(AttributeDefinition, key=key))


def _define(request: HttpRequest, definition: AttributeDefinition | None) -> HttpResponseBase:
    held = Subscriber.objects.filter(attributes__has_key=definition.key).count() if definition else 0
    words = definition.fallback if definition else {}
    form = AttributeForm(request.POST or None, definition=definition, held=held)
    fallbacks = Fallbacks(
        request.POST or None,
        prefix="fallback",
        initial=[{"language": language, "words": text} for language, text in words.items()],
    )
    if request.method == "POST" and form.is_valid() and fallbacks.is_valid():
        values = dict(form.cleaned_data)
        key = definition.key if definition else values.pop("key")
        if definition is None and AttributeDefinition.objects.filter(key=key).exists():
            form.refuse(Refusal("key", _("is taken by another attribute")))
        else:
            stored = define_attribute(key=key, actor=request.user, fallback=fallbacks.fallback(), **values)
            if isinstance(stored, AttributeDefinition):
                messages.success(request, _("‘%(name)s’ is saved.") % {"name": stored.label})
                return redirect("subscribers:attributes")
            form.refuse(stored)
    context = {
        "form": form,
        "fallbacks": fallbacks,
        "definition": definition,
        "held": held,
        "waiting": quarantine.waiting(definition.key).count() if definition else 0,
        "uses": registries.uses_of("attribute", definition) if definition else [],
    }
    return render(request, "subscribers/attribute.html", context)


@require_POST
@require("audience.edit")
def delete(request: HttpRequest, key: str) -> HttpResponse:
    """Forget an attribute nobody has and nothing uses."""
    definition = get_object_or_404(AttributeDefinition, key=key)
    refusal = delete_attribute(definition=definition, actor=request.user)
    if refusal is not None:
        messages.error(
            request, _("‘%(name)s’ stays: it %(reason)s.") % {"name": definition.label, "reason": refusal.reason}
        )
        return redirect("subscribers:attribute", key)
    messages.success(request, _("‘%(name)s’ is deleted.") % {"name": definition.label})
    return redirect("subscribers:attributes")


@require("people.view")
def waiting(request: HttpRequest) -> HttpResponseBase:
    """Values that did not fit: each once with all its people, or one person at a time; what is posted mends them."""
    return _mend(request) if request.method == "POST" else _waiting(request)


def _waiting(request: HttpRequest, *, refused: QuarantinedValue | None = None, error: str = "") -> HttpResponse:
    definitions = {one.key: one for one in AttributeDefinition.objects.all()}
    key = request.GET.get("attribute", "")
    key = key if key in definitions or key in profile.GIVEN else ""
    like = _of(request.GET.get("like", ""))
    span = _span(request)
    singly = like is not None or request.GET.get("view") == "people"
    if singly:
        found = span.narrow(quarantine.alike(like) if like else quarantine.waiting(key))
        page: Page[Any] = _page(request, found.select_related("subscriber").order_by("-at", "pk"))
        rows = [(value, 1) for value in page]
    else:
        page = _page(request, quarantine.by_value(span.narrow(quarantine.waiting(key))))
        firsts = QuarantinedValue.objects.select_related("subscriber").in_bulk([row["first"] for row in page])
        rows = [(firsts[row["first"]], row["people"]) for row in page]
    lines = [_line(request, definitions.get(value.key), value, number) for value, number in rows]
    for line in lines:
        if refused is not None and line["value"].pk == refused.pk:
            line["error"] = error
    stuck = set(quarantine.waiting().order_by().values_list("key", flat=True).distinct())
    return render(
        request,
        "subscribers/quarantine.html",
        {
            "lines": lines,
            "page": page,
            "singly": singly,
            "like": like,
            "key": key,
            "span": span,
            "within": f"&{query}" if (query := _of_span(request)) else "",
            "total": span.narrow(quarantine.waiting()).count(),
            "attributes": [
                *((one.key, one.label) for one in definitions.values() if one.key in stuck),
                *((name, field_label(name)) for name in profile.GIVEN if name in stuck),
            ],
        },
    )


def _page(request: HttpRequest, rows: QuerySet[Any, Any]) -> Page[Any]:
    return Paginator(rows, PAGE).get_page(request.GET.get("page"))


def _line(
    request: HttpRequest, definition: AttributeDefinition | None, value: QuarantinedValue, number: int
) -> dict[str, Any]:
    hidden = bool(definition and definition.sensitive and not permissions.allowed(request.user, "people.address"))
    posted = request.POST if request.POST.get("id") == str(value.pk) else None
    mendable = definition is not None or value.key in profile.GIVEN
    form = MendForm(posted, key=value.key, definition=definition, prefix=f"v{value.pk}") if mendable else None
    return {
        "value": value,
        "field": definition.label if definition else field_label(value.key) if mendable else value.key,
        "raw": "…" if hidden else value.raw,
        "definition": definition,
        "people": number,
        "person": people.url(value.subscriber),
        "name": value.subscriber.full_name or people.address_for(request.user, value.subscriber),
        "form": form,
        "choices": quarantine.new_choices(definition, value.raw)
        if definition and definition.type in quarantine.CHOSEN
        else [],
        "error": "",
    }


@require("people.edit")
def _mend(request: HttpRequest) -> HttpResponseBase:
    """Do to one waiting value, or to all alike, what was asked: store another, take it as a choice, or dismiss it."""
    value = _of(request.POST.get("id", ""))
    if value is None:
        messages.info(request, _("This value waits no longer."))
        return redirect(request.get_full_path())
    everyone = _span(request).narrow(quarantine.alike(value))
    values = everyone if request.POST.get("everyone") else everyone.filter(pk=value.pk)
    deed = request.POST.get("deed")
    if deed == "dismiss":
        gone = quarantine.dismiss(values=values, key=value.key, actor=request.user)
        said = ngettext("%(n)s value dismissed.", "%(n)s values dismissed.", gone)
        messages.success(request, said % {"n": intcomma(gone)})
        return redirect(request.get_full_path())
    stored = _take_as_choice(request, value) if deed == "choice" else _store(request, value, values)
    if isinstance(stored, Refusal):
        return _waiting(request, refused=value, error=stored.sentence)
    said = ngettext("Stored for %(n)s person.", "Stored for %(n)s people.", stored)
    messages.success(request, said % {"n": intcomma(stored)})
    return redirect(request.get_full_path())


def _take_as_choice(request: HttpRequest, value: QuarantinedValue) -> int | Refusal:
    if not permissions.allowed(request.user, "audience.edit"):
        return Refusal("value", _("may become a choice only by somebody who may change attributes"))
    return quarantine.take_as_choice(value=value, actor=request.user)


def _store(request: HttpRequest, value: QuarantinedValue, values: QuerySet[QuarantinedValue]) -> int | Refusal:
    definition = AttributeDefinition.objects.filter(key=value.key).first()
    if definition is None and value.key not in profile.GIVEN:
        return Refusal("value", _("belongs to an attribute that is not defined any more"))
    form = MendForm(request.POST, key=value.key, definition=definition, prefix=f"v{value.pk}")
    if not form.is_valid():
        return Refusal("value", str(form.errors["value"][0]))
    return quarantine.mend(values=values, key=value.key, value=form.cleaned_data["value"], actor=request.user)


SPAN = ("source", "since", "until")


def _span(request: HttpRequest) -> quarantine.Span:
    """Where the values in question came from and when; times that are none are not asked for."""
    source, *times = (request.GET.get(name, "") for name in SPAN)
    since, until = (_moment(time) for time in times)
    return quarantine.Span(source.replace("\0", ""), since, until)


def _of_span(request: HttpRequest) -> str:
    """The part of the address that says it, for links to the same values in another view."""
    return urlencode({name: value for name in SPAN if (value := request.GET.get(name))})


def _moment(text: str) -> dt.datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _of(id: str) -> QuarantinedValue | None:
    return quarantine.waiting().filter(pk=int(id)).first() if id.isdecimal() and len(id) < 19 else None
