"""The dashboard's pages about sign-up forms."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from personalize.core import clock
from personalize.core.permissions import require
from personalize.core.public import policy
from personalize.dashboard.lists import ListPage
from segments.consent import listing, offers
from segments.consent.forms.editing import SignupFormForm
from segments.consent.models import SignupForm, Topic
from segments.consent.views.public import show_form


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All sign-up forms with what came by them."""
    kind = listing.forms(offers.by_form(clock.now()))
    page = ListPage(request, kind, SignupForm.objects.prefetch_related("topics"))
    found = ngettext("%(count)d form", "%(count)d forms", page.count) % {"count": page.count}
    return render(request, "consent/forms.html", {"list": page, "found": found, "topics": Topic.objects.exists()})


@require("audience.edit")
def new(request: HttpRequest) -> HttpResponse:
    words = {
        "heading": _("Letters worth opening"),
        "wording": _("Yes, send me letters by mail. I can leave at any time, by a link in each of them."),
        "button": _("Sign up"),
        "thanks": _(
            "If your address is new here, a mail is on its way to you: press the button in it, and you are in."
        ),
    }
    return _edit(request, SignupForm(**words))


@require("audience.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    return _edit(request, get_object_or_404(SignupForm, key=key))


def _edit(request: HttpRequest, stored: SignupForm) -> HttpResponse:
    form = SignupFormForm(request.POST or None, instance=stored)
    if form.is_valid():
        saved = offers.save_form(
            form=stored,
            values=form.settings(),
            topics=list(form.cleaned_data["topics"]),
            lock_version=form.cleaned_data["lock_version"] or 0,
            actor=request.user,
        )
        if saved:
            messages.success(request, _("Saved. The form shows it from now on."))
            return redirect("consent:form_edit", key=stored.key)
        form.add_error(None, _("Somebody else saved this form meanwhile. Reload the page to see what changed."))
    known = stored if stored.pk else None
    context: dict[str, Any] = {"form": form, "stored": known}
    if known:
        asked, joined = offers.by_form(clock.now()).get(known.key, (0, 0))
        context |= {
            "address": offers.address(known),
            "snippets": offers.snippets(known),
            "asked": asked,
            "joined": joined,
        }
    return render(request, "consent/form_form.html", context)


@xframe_options_sameorigin
@require("people.view")
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """The form as people see it, to look at only; active or not."""
    response = show_form(get_object_or_404(SignupForm, key=key), framed=True, inert=True)
    response["Content-Security-Policy"] = policy().replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    return response
