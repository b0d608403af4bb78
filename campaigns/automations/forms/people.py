"""What one fills in about people in an automation: which one they are put into, and where they go on a newer version."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.automations.models import Automation
from campaigns.automations.types import AutomationState


class WhichAutomationForm(forms.Form):
    """A live automation."""

    automation = forms.ModelChoiceField(
        Automation.objects.filter(state=AutomationState.LIVE).order_by("name"),
        to_field_name="uuid",
        empty_label=None,
        label=_("Automation"),
        help_text=_("Its own conditions decide whether they come in, as for everybody."),
    )


class StepMapForm(forms.Form):
    """Where people who are at each step of an old version go on in the new one; nothing chosen: they stay."""

    def __init__(self, *args: Any, old: dict[str, str], new: dict[str, str], **kwargs: Any) -> None:
        """``old`` are the steps where people are, ``new`` those they may go to: titles by id."""
        super().__init__(*args, **kwargs)
        self.steps = list(old)
        choices = [("", _("Stay where they are")), *new.items()]
        for step, title in old.items():
            self.fields[f"step-{step}"] = forms.ChoiceField(
                choices=choices,
                required=False,
                label=title,
                initial=step if step in new else "",
            )

    def step_map(self) -> dict[str, str | None]:
        """The step of the new version for each of the old one, None for those who stay; of a form that is valid."""
        return {step: self.cleaned_data[f"step-{step}"] or None for step in self.steps}
