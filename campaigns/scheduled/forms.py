"""What a marketer fills in: a campaign, and when it goes out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.models import Sender
from campaigns.scheduled.models import Campaign
from personalize.content.models import Template
from personalize.core.clock import now
from segments.consent.models import Topic, TopicKind
from segments.segmentation.models import Segment


class CampaignForm(forms.Form):
    """A draft: whom, what, from whom."""

    name = forms.CharField(max_length=120, label=_("Name"), help_text=_("Only your team sees it."))
    segment = forms.ModelChoiceField(Segment.objects.all(), label=_("Who gets it"))
    excluded = forms.ModelChoiceField(
        Segment.objects.all(),
        label=_("Except"),
        required=False,
        help_text=_("Optional. People in this segment are left out."),
    )
    topic = forms.ModelChoiceField(
        Topic.objects.filter(kind=TopicKind.MARKETING),
        label=_("Topic"),
        help_text=_("Only people who follow it are mailed."),
    )
    template = forms.ModelChoiceField(Template.objects.filter(key__isnull=True), label=_("What they get"))
    sender = forms.ModelChoiceField(Sender.objects.all(), label=_("From"))

    def __init__(self, *args: Any, campaign: Campaign | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        others = Campaign.objects.exclude(pk=self.campaign.pk) if self.campaign else Campaign.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("There is a campaign of this name already."))
        return name


class ScheduleForm(forms.Form):
    """When it goes out; empty means as soon as the undo window is over."""

    send_at = forms.DateTimeField(
        required=False,
        label=_("When"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
        help_text=_("In your time zone. Leave it empty to send now."),
    )

    def clean_send_at(self) -> Any:
        at = self.cleaned_data["send_at"]
        if at and at < now():
            raise forms.ValidationError(_("This moment is over. Choose a later one, or leave it empty to send now."))
        return at
