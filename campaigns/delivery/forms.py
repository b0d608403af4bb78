"""What a marketer fills in to limit how many mails a person gets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.delivery.models import FrequencyRule
from campaigns.delivery.types import FrequencyUnit, FrequencyWindow

YEAR_IN_HOURS = 366 * 24


class LimitForm(forms.ModelForm):  # type: ignore[type-arg]  # Not generic at run time.
    """A frequency rule. That nothing goes out at all has to be said twice."""

    window = forms.ChoiceField(
        label=gettext_lazy("Time is counted"),
        choices=[
            (FrequencyWindow.ROLLING, gettext_lazy("back from each mail")),
            (FrequencyWindow.CALENDAR, gettext_lazy("by the person's own calendar")),
        ],
    )
    most = forms.IntegerField(label=gettext_lazy("At most so many mails"), min_value=0, max_value=1000)
    count = forms.IntegerField(label=gettext_lazy("In so many"), min_value=1, max_value=366, initial=7)
    unit = forms.ChoiceField(label=gettext_lazy("Hours, days, weeks or months"), choices=FrequencyUnit, initial="day")
    wait_hours = forms.IntegerField(
        label=gettext_lazy("Hours it waits at most"), min_value=1, max_value=YEAR_IN_HOURS, initial=48
    )
    owner = forms.ChoiceField(label=gettext_lazy("Mails of"), required=False)
    nothing = forms.BooleanField(label=gettext_lazy("Yes, let no such mail out at all"), required=False)

    class Meta:
        model = FrequencyRule
        fields = ("name", "most", "window", "count", "unit", "topic", "owner", "otherwise", "wait_hours")
        labels = {
            "name": gettext_lazy("Name"),
            "topic": gettext_lazy("Mails about"),
            "otherwise": gettext_lazy("Above that"),
        }
        help_texts = {"name": gettext_lazy("It stands on the timeline of whoever did not get a mail because of it.")}

    def __init__(self, *args: Any, groups: Sequence[tuple[uuid.UUID, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topic"].empty_label = _("All topics")  # type: ignore[attr-defined]
        self.fields["owner"].choices = [  # type: ignore[attr-defined]
            ("", _("Campaigns and automations")),
            *((str(group), name) for group, name in groups),
        ]

    @property
    def wants_nothing(self) -> bool:
        """Whether the form as it was sent says that no mail may go out."""
        return self.is_bound and self.data.get("most", "").strip() == "0"

    def clean_owner(self) -> uuid.UUID | None:
        chosen = self.cleaned_data["owner"]
        return uuid.UUID(chosen) if chosen else None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("window") == FrequencyWindow.CALENDAR:
            if values.get("unit") == FrequencyUnit.HOUR:
                self.add_error("unit", _("The calendar counts days, weeks and months."))
            if values.get("count", 1) != 1:
                self.add_error("count", _("The calendar counts one day, week or month: write 1."))
        if values.get("most") == 0 and not values.get("nothing"):
            self.add_error("nothing", _("With 0, nobody gets any of these mails. Tick this if you mean it."))
        return values

    def _post_clean(self) -> None:
        """The instance is written by the service, not by the form; only that the name is free is checked here."""
        taken = FrequencyRule.objects.exclude(pk=self.instance.pk).filter(name=self.cleaned_data.get("name"))
        if taken.exists():
            self.add_error("name", _("There is a limit of this name."))

    def settings(self) -> dict[str, Any]:
        """What the service stores."""
        return {name: self.cleaned_data[name] for name in self._meta.fields or ()}
