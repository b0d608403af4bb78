"""The dashboard's pages about topics."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.core import registries
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage
from segments.consent import listing, offers
from segments.consent.forms.editing import TopicForm
from segments.consent.models import Topic


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All topics with how many people follow, wait and have left."""
    page = ListPage(request, listing.TOPICS, offers.with_people(Topic.objects.all()))
    found = ngettext("%(count)d topic", "%(count)d topics", page.count) % {"count": page.count}
    return render(request, "consent/topics.html", {"list": page, "found": found})


@require("audience.edit")
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, Topic())


@require("audience.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    return _edit(request, get_object_or_404(Topic, key=key))


def _edit(request: HttpRequest, topic: Topic) -> HttpResponse:
    form = TopicForm(request.POST or None, instance=topic)
    if form.is_valid():
        offers.save_topic(topic=topic, values=form.cleaned_data, actor=request.user)
        messages.success(request, _("Saved."))
        return redirect("consent:topics")
    uses = registries.uses_of("topic", topic) if topic.pk else []
    return render(
        request, "consent/topic_form.html", {"form": form, "topic": topic if topic.pk else None, "uses": uses}
    )
