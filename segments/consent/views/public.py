"""Where people say what they want to get: preferences, confirmation, sign-up forms, and a way to their own link.

Opening any of these pages changes nothing. A token that is altered, cut, foreign, or whose person is gone gets one and the
same page; a form is answered alike, and no sooner, whether or not the address is known.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from personalize.accounts.models import Brand
from personalize.core import clock, ratelimit, tokens
from personalize.core.addresses import mask
from personalize.core.public import answer_no_sooner, network, policy, posted, public
from personalize.core.tokens import Purpose, Token
from segments.consent import letters, services, stored
from segments.consent.forms.address import StrangersForm
from segments.consent.forms.preferences import PreferencesForm
from segments.consent.forms.signup import SignupFields, stamp
from segments.consent.models import SignupForm, Subscription, SubscriptionState, Suppression
from segments.consent.types import Outcome
from segments.subscribers.models import Subscriber, Tracking

FRESH = dt.timedelta(hours=24)
# Longer than any of the answers takes, so that its time does not tell which it was.
ANSWER_SECONDS = 0.25
GUESSES_A_MINUTE = 60
LINKS_A_DAY_PER_NETWORK = 30
DAY_SECONDS = 86_400


@public("GET", "HEAD", "POST")
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """The preference centre: all of it with a link younger than FRESH, otherwise only ways to get less."""
    found = _person(request, token, Purpose.PREFERENCES)
    if isinstance(found, HttpResponse):
        return found
    person, ticket = found
    fresh = clock.now() - ticket.issued_at < FRESH
    if request.method != "POST":
        return _preferences(person, fresh)
    data = posted(request)
    said: dict[str, Any] = {"subscriber": person, "source": services.PREFERENCES, "ip_prefix": network(request)}
    match data.get("do", ""):
        case "stop":
            services.unsubscribe(topic=None, **said)
            return _page("consent/stopped.html", person)
        case "undo":
            undone = services.undo_stopping(**said) is Outcome.CHANGED
            return _preferences(person, fresh, note="undone" if undone else "late")
        case "link" if person.email:
            services.send_link(email=person.email)
            return _preferences(person, fresh, note="link")
    form = _preferences_form(person, fresh, data)
    if not form.is_valid():
        return _preferences(person, fresh, form=form)
    outcome = services.set_preferences(choices=form.choices(), fresh=fresh, **said)
    if not isinstance(outcome, Outcome):
        form.add_error(None, str(outcome))
        return _preferences(person, fresh, form=form)
    person.refresh_from_db()
    return _preferences(person, fresh, note="old" if outcome is Outcome.REFUSED else "saved")


def _preferences(
    person: Subscriber, fresh: bool, *, form: PreferencesForm | None = None, note: str = ""
) -> HttpResponse:
    about: dict[str, Any] = {
        "facts": stored.facts(person),
        "proofs": stored.proofs(person),
        "kinds": stored.kinds(person),
    }
    return _page(
        "consent/preferences.html",
        person,
        form=form or _preferences_form(person, fresh),
        fresh=fresh,
        paused_until=_paused_until(person),
        stopped=Suppression.objects.in_force(clock.now())
        .filter(address_key=person.address_key, topic__isnull=True)
        .exists(),
        note=note,
        **(about if fresh else {}),
    )


def _preferences_form(person: Subscriber, fresh: bool, data: Any = None) -> PreferencesForm:
    brand = Brand.objects.first()
    unknown = brand.track_unknown if brand else True
    tracked = unknown if person.tracking == Tracking.UNKNOWN else person.tracking == Tracking.GRANTED
    return PreferencesForm(person, fresh=fresh, tracked=tracked, paused_until=_paused_until(person), data=data)


def _paused_until(person: Subscriber) -> dt.datetime | None:
    ends = Subscription.objects.followed_by(person).filter(paused_until__gt=clock.now())
    return ends.order_by("-paused_until").values_list("paused_until", flat=True).first()


@public("GET", "HEAD", "POST")
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The second half of double opt-in: a button, for a link scanner opens pages but presses nothing."""
    found = _person(request, token, Purpose.CONFIRM)
    if isinstance(found, HttpResponse):
        return found
    person, ticket = found
    now = clock.now()
    waiting = [
        row.topic
        for row in Subscription.objects.waiting(now - letters.CONFIRM_WITHIN)
        .filter(subscriber=person)
        .select_related("topic")
        .order_by("topic__name")
    ]
    if now - ticket.issued_at >= letters.CONFIRM_WITHIN or not waiting:
        follows = Subscription.objects.filter(subscriber=person, state=SubscriptionState.SUBSCRIBED).exists()
        return _page("consent/already.html" if follows else "consent/late.html", person, form=_form_of(person))
    if request.method != "POST":
        return _page("consent/confirm.html", person, topics=waiting)
    outcome = services.confirm(
        subscriber=person, topic=None, source="confirmation page", at=now, ip_prefix=network(request)
    )
    if outcome is not Outcome.CHANGED:
        return _page("consent/late.html", person, form=_form_of(person))
    return _page(
        "consent/confirmed.html",
        person,
        topics=waiting,
        # As old as the link that led here: a mail passed on later opens nothing that its own link would not.
        preferences=letters.address(Purpose.PREFERENCES, person, ticket.issued_at),
    )


def _form_of(person: Subscriber) -> SignupForm | None:
    """The form by which a person once asked to join, if it is still there: the way to ask again."""
    entry = person.consent_entries.filter(source__startswith=services.FORM).order_by("-pk").first()
    key = entry.source.removeprefix(services.FORM) if entry else ""
    return SignupForm.objects.filter(key=key, active=True).first()


@public("GET", "HEAD", "POST")
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """The way back for somebody who was told by mail that they left, perhaps by a mail they had forwarded."""
    found = _person(request, token, Purpose.UNDO)
    if isinstance(found, HttpResponse):
        return found
    person, ticket = found
    leaving = letters.leaving_behind(person, ticket.issued_at)
    if leaving is None or clock.now() - ticket.issued_at >= letters.UNDO_WITHIN:
        return _page("consent/late.html", person, form=_form_of(person))
    if request.method != "POST":
        return _page("consent/undo.html", person, topic=leaving.topic)
    undone = services.undo_leaving(subscriber=person, since=leaving, source="undo page", ip_prefix=network(request))
    return _page(
        "consent/back.html" if undone is Outcome.CHANGED else "consent/late.html", person, form=_form_of(person)
    )


@public("GET", "HEAD", "POST")
def form(request: HttpRequest, key: str, framed: bool = False) -> HttpResponse:
    """A sign-up form, as a page of its own or inside a page of the shop's."""
    wanted = SignupForm.objects.filter(key=key, active=True).first()
    if wanted is None:
        return _nowhere()
    with translation.override(_language(wanted.language)):
        response = _signed_up(request, wanted, framed) if request.method == "POST" else show_form(wanted, framed=framed)
    response["Content-Security-Policy"] = policy(framed=framed, leads_to=_origin(wanted.redirect_url))
    if framed:
        response.xframe_options_exempt = True  # Read by Django's own middleware.
    return response


def _signed_up(request: HttpRequest, wanted: SignupForm, framed: bool) -> HttpResponse:
    began = time.monotonic()
    fields = SignupFields(wanted, posted(request))
    if not fields.caught:
        if not fields.is_valid():
            return show_form(wanted, fields, framed=framed)
        if not fields.in_time:
            return show_form(wanted, fields, framed=framed, note="again")
        origin = network(request)
        if ratelimit.take(f"signup:{origin}", limit=settings.SIGNUPS_PER_NETWORK, seconds=DAY_SECONDS):
            return show_form(wanted, fields, framed=framed, note="many", status=429)
        services.sign_up(
            form=wanted,
            email=fields.cleaned_data["email"],
            topics=fields.topics,
            answers=fields.answers,
            ip_prefix=origin,
        )
    answer_no_sooner(began, ANSWER_SECONDS)
    if wanted.redirect_url:
        return HttpResponseRedirect(wanted.redirect_url)
    return _page("consent/thanks.html", None, wanted=wanted, framed=framed)


def show_form(
    wanted: SignupForm,
    fields: SignupFields | None = None,
    *,
    framed: bool,
    note: str = "",
    status: int = 200,
    inert: bool = False,
) -> HttpResponse:
    """The form to fill in; whatever was typed before is still there."""
    return _page(
        "consent/form.html",
        None,
        status=status,
        wanted=wanted,
        form=fields or SignupFields(wanted),
        stamp=stamp(wanted),
        framed=framed,
        note=note,
        inert=inert,
    )


@public("GET", "HEAD", "POST")
def link(request: HttpRequest) -> HttpResponse:
    """A way to one's preferences without an old mail: the link is sent to the address, if it is known here."""
    if request.method != "POST":
        return _page("consent/link.html", None, form=StrangersForm())
    began = time.monotonic()
    fields = StrangersForm(posted(request))
    if not fields.is_valid():
        return _page("consent/link.html", None, form=fields)
    if not fields.caught:
        if ratelimit.take(f"link:{network(request)}", limit=LINKS_A_DAY_PER_NETWORK, seconds=DAY_SECONDS):
            fields.add_error(
                None, forms.ValidationError(_("Too many tries from your network today. Try again tomorrow."))
            )
            return _page("consent/link.html", None, status=429, form=fields)
        services.send_link(email=fields.cleaned_data["email"])
    answer_no_sooner(began, ANSWER_SECONDS)
    return _page("consent/link_sent.html", None)


def _person(request: HttpRequest, token: str, purpose: Purpose) -> tuple[Subscriber, Token] | HttpResponse:
    """Whose link this is, or the page for links that lead nowhere. A network that guesses is soon not even heard."""
    ticket = tokens.unseal(token, purpose)
    if ticket is None:
        wait = ratelimit.take(f"guess:{network(request)}", limit=GUESSES_A_MINUTE, seconds=60)
        return _nowhere(status=429 if wait else 404)
    person = Subscriber.objects.present().filter(uuid=ticket.id).first()
    return (person, ticket) if person else _nowhere()


def _language(wanted: str) -> str:
    """The language of the page around a form: the form's own or the shop's, as far as our texts are translated."""
    brand = Brand.objects.first()
    try:
        return translation.get_supported_language_variant(wanted or (brand.language if brand else ""))
    except LookupError:
        return settings.LANGUAGE_CODE


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""


def _page(template: str, person: Subscriber | None, *, status: int = 200, **more: Any) -> HttpResponse:
    # Rendered without the request: no context processor may look for a login and set a cookie.
    address = mask(person.email) if person and person.email else ""
    context = {"brand": Brand.objects.first(), "person": person, "address": address, **more}
    return HttpResponse(render_to_string(template, context), status=status)


def _nowhere(status: int = 404) -> HttpResponse:
    return HttpResponse(render_to_string("public/nowhere.html"), status=status)
