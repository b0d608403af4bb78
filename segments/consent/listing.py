"""How topics and sign-up forms are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import count, state
from segments.consent.models import SignupForm, SubscriptionState, Topic


def _named(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    for word in words.split():
        rows = rows.filter(Q(name__icontains=word) | Q(key__icontains=word))
    return rows


def _topic(topic: Topic) -> SafeString:
    notes = [topic.description, topic.frequency, "" if topic.visible else _("not offered to everybody")]
    return format_html(
        '<a class="row-link" href="{}">{}</a><span class="segment-words">{}</span>',
        reverse("consent:topic_edit", args=[topic.key]),
        topic.name,
        " · ".join(note for note in notes if note),
    )


def _people(name: str, state_of: SubscriptionState) -> Callable[[Any], SafeString]:
    def cell(topic: Any) -> SafeString:
        people = f"{reverse('subscribers:list')}?topic={topic.key}:{state_of}"
        return count(getattr(topic, name), people)

    return cell


def _share(topic: Any) -> SafeString:
    """A bar of those who follow, wait and left; the figures beside it say the same."""
    total = topic.following + topic.waiting + topic.left
    if not total:
        return format_html('<span class="muted">{}</span>', _("nobody yet"))
    parts = (("", topic.following), ("waits", topic.waiting), ("rest", topic.left))
    bars = format_html_join(
        "", '<i class="{}" style="width:{}%"></i>', ((tone, f"{100 * n / total:.1f}") for tone, n in parts if n)
    )
    return format_html('<span class="progress thin topic-bar" aria-hidden="true">{}</span>', bars)


TOPICS = Lists(
    name="topics",
    columns=(
        Column("name", gettext_lazy("Topic"), value=lambda topic: topic.name, show=_topic, sort=("name",)),
        Column("kind", gettext_lazy("Kind"), value=lambda topic: topic.get_kind_display(), later=True, quiet=True),
        Column(
            "opt_in", gettext_lazy("Joining"), value=lambda topic: topic.get_opt_in_display(), later=True, quiet=True
        ),
        Column("share", gettext_lazy("People"), value=lambda topic: "", show=_share, later=True),
        Column(
            "following",
            gettext_lazy("Follow"),
            value=lambda topic: topic.following,
            show=_people("following", SubscriptionState.SUBSCRIBED),
            sort=("following",),
            number=True,
        ),
        Column(
            "waiting",
            gettext_lazy("Wait"),
            value=lambda topic: topic.waiting,
            show=_people("waiting", SubscriptionState.PENDING),
            number=True,
            later=True,
        ),
        Column(
            "left",
            gettext_lazy("Left"),
            value=lambda topic: topic.left,
            show=_people("left", SubscriptionState.UNSUBSCRIBED),
            number=True,
        ),
    ),
    search=_named,
    search_label=gettext_lazy("Name"),
    sort="name",
)


def forms(came: Mapping[str, tuple[int, int]]) -> Lists:
    """The list of sign-up forms; ``came`` has (signed up, joined) by key."""

    def figure(place: int) -> Callable[[SignupForm], Any]:
        return lambda form: came.get(form.key, (0, 0))[place]

    return Lists(
        name="forms",
        columns=(
            Column("name", gettext_lazy("Form"), value=lambda form: form.name, show=_form, sort=("name",)),
            Column(
                "state",
                gettext_lazy("State"),
                value=lambda form: form.active,
                show=lambda form: state(_("Open"), "good") if form.active else state(_("Closed")),
            ),
            Column("signed", gettext_lazy("Signed up, 30 days"), value=figure(0), number=True),
            Column("joined", gettext_lazy("Joined, 30 days"), value=figure(1), number=True, later=True),
        ),
        search=_named,
        search_label=gettext_lazy("Name"),
        sort="name",
    )


def _form(form: SignupForm) -> SafeString:
    return format_html(
        '<a class="row-link" href="{}">{}</a><span class="segment-words">{}</span>',
        reverse("consent:form_edit", args=[form.key]),
        form.name,
        ", ".join(topic.name for topic in form.topics.all()),
    )
