"""Pages of campaigns: the list, one campaign from draft to sent, and the people behind its figures."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.delivery.audience import Foreseen, foresee
from campaigns.delivery.models import Message
from campaigns.delivery.services import leave_in_doubt, send_again
from campaigns.delivery.types import OPEN_STATES, MessageState, SkipReason
from campaigns.scheduled import services
from campaigns.scheduled.forms import CampaignForm, ScheduleForm
from campaigns.scheduled.models import Campaign, CampaignState
from campaigns.scheduled.progress import progress_of
from campaigns.scheduled.readiness import blockers
from campaigns.scheduled.why import why_campaign
from personalize.content.thumbnails import thumbnail_url
from personalize.core.clock import now
from personalize.core.permissions import require
from personalize.dashboard.templatetags.dashboard import WaterfallStep
from segments.segmentation.services import audience, condition
from segments.subscribers.models import Subscriber

UNDO = dt.timedelta(seconds=60)
"""How long a send from the dashboard can be taken back before the first mail leaves."""

VIEWS: dict[str, tuple[CampaignState, ...]] = {
    "sending": (CampaignState.SENDING, CampaignState.PAUSED),
    "scheduled": (CampaignState.SCHEDULED,),
    "drafts": (CampaignState.DRAFT,),
    "sent": (CampaignState.FINISHED, CampaignState.CANCELLED),
}
# Newest duty first: what moves, what is planned, what is being written, what is done.
ORDER = [
    CampaignState.SENDING,
    CampaignState.PAUSED,
    CampaignState.SCHEDULED,
    CampaignState.DRAFT,
    CampaignState.FINISHED,
    CampaignState.CANCELLED,
]


@require_GET
@require("report.view")
def campaign_list(request: HttpRequest) -> HttpResponse:
    """All campaigns, by state, with what matters for each state."""
    found = Campaign.objects.select_related("segment", "run")
    words = request.GET.get("q", "").strip()
    if words:
        found = found.filter(Q(name__icontains=words) | Q(variants__template__subject__icontains=words)).distinct()
    counts = dict(Campaign.objects.values_list("state").annotate(n=Count("pk")).values_list("state", "n"))
    view = request.GET.get("view", "")
    if view in VIEWS:
        found = found.filter(state__in=VIEWS[view])
    ranked = sorted(
        found, key=lambda campaign: (ORDER.index(CampaignState(campaign.state)), -_when(campaign).timestamp())
    )
    page = Paginator(ranked, 12).get_page(request.GET.get("page"))
    tabs = [("", _("All"), sum(counts.values()))] + [
        (key, label, sum(counts.get(state, 0) for state in VIEWS[key]))
        for key, label in (
            ("sending", _("Sending")),
            ("scheduled", _("Scheduled")),
            ("drafts", _("Drafts")),
            ("sent", _("Sent")),
        )
    ]
    rows = [
        {
            "campaign": campaign,
            "progress": progress_of(campaign),
            "subject": _subject(campaign),
            "thumbnail": thumbnail_url(content=services.content_of(campaign), user=request.user),
        }
        for campaign in page
    ]
    context = {"rows": rows, "page": page, "tabs": tabs, "view": view, "words": words}
    return render(request, "scheduled/list.html", context)


@require("campaign.edit")
def campaign_new(request: HttpRequest) -> HttpResponseBase:
    """Begin a draft."""
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        campaign = services.create_campaign(actor=request.user, **form.cleaned_data)
        return redirect("scheduled:detail", campaign.uuid)
    return render(request, "scheduled/form.html", {"form": form})


@require("campaign.edit")
def campaign_edit(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Change a draft."""
    campaign = _campaign(uuid)
    variant = campaign.variants.first()
    initial = {
        "name": campaign.name,
        "segment": campaign.segment,
        "excluded": campaign.excluded,
        "topic": campaign.topic,
        "sender": campaign.sender,
        "template": variant.template if variant else None,
    }
    form = CampaignForm(request.POST or None, initial=initial, campaign=campaign)
    if request.method == "POST" and form.is_valid():
        if services.change_campaign(campaign=campaign, actor=request.user, **form.cleaned_data):
            return redirect("scheduled:detail", campaign.uuid)
        form.add_error(None, _("It is no draft any more, so nothing was changed."))
    return render(request, "scheduled/form.html", {"form": form, "campaign": campaign})


@require_GET
@require("report.view")
def campaign_detail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One campaign: what is in its way and whom it reaches while a draft, how it goes once it has begun."""
    return _detail(request, _campaign(uuid), ScheduleForm())


@require_GET
@require("report.view")
def campaign_progress(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The live part of a campaign's page; asks again by itself while anything moves."""
    campaign = _campaign(uuid)
    answer = render(request, "scheduled/_progress.html", _live(campaign))
    if request.GET.get("state", campaign.state) != campaign.state:
        # Head, buttons and card belong to the state before: the whole page is asked for anew.
        answer["HX-Refresh"] = "true"
    return answer


@require_GET
@require("people.view")
def campaign_people(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The people behind a figure: by state, and by reason."""
    campaign = _campaign(uuid)
    found = Message.objects.filter(run=campaign.run).select_related("subscriber").order_by("pk")
    state = request.GET.get("state", "")
    reason = request.GET.get("reason", "")
    if state.isdigit() and int(state) in MessageState.values:
        found = found.filter(state=int(state))
    if reason:
        found = found.filter(reason=reason)
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    context = {
        "campaign": campaign,
        "page": page,
        "rows": [(message, _reason(message.reason)) for message in page],
        "state": MessageState(int(state)) if state.isdigit() and int(state) in MessageState.values else None,
        "reason": _reason(reason),
        "doubtful": state == str(MessageState.IN_DOUBT.value),
    }
    return render(request, "scheduled/people.html", context)


@require_GET
@require("people.view")
def campaign_why(request: HttpRequest, uuid: UUID, person: UUID) -> HttpResponse:
    """Why somebody got it, or did not."""
    campaign = _campaign(uuid)
    subscriber = get_object_or_404(Subscriber, uuid=person)
    gates = why_campaign(subscriber=subscriber, campaign=campaign)
    return render(request, "scheduled/why.html", {"campaign": campaign, "person": subscriber, "gates": gates})


@require_POST
@require("campaign.send")
def campaign_send(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Schedule it; "now" leaves a minute in which it can be cancelled."""
    campaign = _campaign(uuid)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return _detail(request, campaign, form, status=422)
    found = services.send_campaign(
        campaign=campaign, actor=request.user, send_at=form.cleaned_data["send_at"] or now() + UNDO
    )
    if found:
        for blocker in found:
            messages.error(request, blocker.message)
    return redirect("scheduled:detail", campaign.uuid)


@require_POST
@require("campaign.pause")
def campaign_pause(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Hold it."""
    campaign = _campaign(uuid)
    reason = _("Paused by %(who)s") % {"who": request.user}
    if not services.pause_campaign(campaign=campaign, actor=request.user, reason=reason):
        messages.error(request, _("It is not sending, so there is nothing to pause."))
    return redirect("scheduled:detail", campaign.uuid)


@require_POST
@require("campaign.pause")
def campaign_resume(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let it go on."""
    campaign = _campaign(uuid)
    if not services.resume_campaign(campaign=campaign, actor=request.user):
        messages.error(request, _("It is not paused, so there is nothing to resume."))
    return redirect("scheduled:detail", campaign.uuid)


@require_POST
@require("campaign.pause")
def campaign_cancel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """End it for good."""
    campaign = _campaign(uuid)
    if not services.cancel_campaign(campaign=campaign, actor=request.user):
        messages.error(request, _("It can no longer be cancelled."))
    return redirect("scheduled:detail", campaign.uuid)


@require_POST
@require("settle.doubt")
def settle_doubt(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Decide about one mail nobody can be sure of."""
    message = get_object_or_404(Message.objects.select_related("run"), uuid=uuid)
    reason = request.POST.get("reason", "")
    decide = send_again if request.POST.get("decision") == "send again" else leave_in_doubt
    if not decide(message=message, actor=request.user, reason=reason):
        messages.error(request, _("This mail is no longer in doubt."))
    campaign = get_object_or_404(Campaign, run=message.run)
    return redirect(f"{campaign_people_url(campaign)}?state={MessageState.IN_DOUBT.value}")


def campaign_people_url(campaign: Campaign) -> str:
    """Where the people behind a campaign's figures are listed."""
    return reverse("scheduled:people", args=[campaign.uuid])


def _campaign(uuid: UUID) -> Campaign:
    return get_object_or_404(
        Campaign.objects.select_related("segment", "excluded", "topic", "sender", "run", "created_by"), uuid=uuid
    )


def _detail(request: HttpRequest, campaign: Campaign, form: ScheduleForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        **_live(campaign),
        "form": form,
        "variants": list(campaign.variants.select_related("template", "version")),
        "subject": _subject(campaign),
    }
    if campaign.state == CampaignState.DRAFT:
        found = blockers(campaign)
        context["blockers"] = found
        context["foreseen"] = None if any(blocker.part == "audience" for blocker in found) else _foresee(campaign)
        context["waterfall"] = _waterfall_ahead(campaign, context["foreseen"])
        context["samples"] = _samples(campaign) if context["foreseen"] else []
    return render(request, "scheduled/detail.html", context, status=status)


def _live(campaign: Campaign) -> dict[str, Any]:
    progress = progress_of(campaign)
    return {
        "campaign": campaign,
        "progress": progress,
        "moving": campaign.state in (CampaignState.SCHEDULED, CampaignState.SENDING),
        "states": CampaignState,
        "message_states": MessageState,
        "waterfall_now": _waterfall_now(campaign) if progress else [],
        "can_undo": campaign.state == CampaignState.SCHEDULED,
    }


def _foresee(campaign: Campaign) -> Foreseen | None:
    if campaign.segment is None or campaign.topic is None:
        return None
    at = now()
    excluded = condition(rule=campaign.excluded.meaning, as_of=at) if campaign.excluded else None
    return foresee(people=audience(rule=campaign.segment.meaning, as_of=at), topic=campaign.topic, excluded=excluded)


def _waterfall_ahead(campaign: Campaign, foreseen: Foreseen | None) -> list[WaterfallStep]:
    if foreseen is None or campaign.segment is None:
        return []
    left_out = sorted(foreseen.left_out.items(), key=lambda item: -item[1])
    segment = reverse("segmentation:detail", args=[campaign.segment.uuid])
    return [
        WaterfallStep(
            _("In the segment ‘%(name)s’") % {"name": campaign.segment.name}, foreseen.named, segment, kind="whole"
        ),
        *(WaterfallStep(reason.label, -number) for reason, number in left_out),
        WaterfallStep(_("Will get this mail"), foreseen.mailed, kind="result"),
    ]


def _waterfall_now(campaign: Campaign) -> list[WaterfallStep]:
    rows = Message.objects.filter(run=campaign.run)
    people = campaign_people_url(campaign)
    tally = rows.tally()
    left = rows.filter(reason__gt="", state__in=(MessageState.SKIPPED, MessageState.FAILED))
    reasons = left.order_by().values_list("reason").annotate(n=Count("pk")).values_list("reason", "n")
    doubt, sent = MessageState.IN_DOUBT, MessageState.SENT
    steps = [WaterfallStep(_("In the audience"), sum(tally.values()), people, kind="whole")]
    for reason, number in sorted(reasons, key=lambda item: -item[1]):
        steps.append(WaterfallStep(_reason(reason), -number, f"{people}?reason={reason}"))
    if tally[doubt]:
        label = _("In doubt: whether it arrived, nobody can know")
        steps.append(WaterfallStep(label, -tally[doubt], f"{people}?state={doubt.value}"))
    waiting = sum(tally[state] for state in OPEN_STATES)
    if waiting:
        steps.append(WaterfallStep(_("Still waiting"), -waiting, f"{people}?state={MessageState.READY.value}"))
    steps.append(WaterfallStep(_("Sent"), tally[sent], f"{people}?state={sent.value}", kind="result"))
    return steps


def _samples(campaign: Campaign) -> list[Any]:
    """A few people of the audience who get it, to look at the mail as."""
    if campaign.segment is None or campaign.topic is None:
        return []
    people: QuerySet[Any] = audience(rule=campaign.segment.meaning, as_of=now())
    following = people.filter(subscriptions__topic=campaign.topic, subscriptions__state="subscribed")
    return list(following.order_by("-pk")[:6])


def _subject(campaign: Campaign) -> str:
    content = services.content_of(campaign)
    return content.subject if content else ""


def _when(campaign: Campaign) -> dt.datetime:
    return campaign.started_at or campaign.send_at or campaign.updated_at


def _reason(word: str) -> str:
    other = {
        "render": _("Their mail could not be made"),
        "rejected": _("Refused by their mail server"),
        "expired": _("Refused too often"),
    }
    if word in SkipReason.values:
        return str(SkipReason(word).label)
    return other.get(word, word)
