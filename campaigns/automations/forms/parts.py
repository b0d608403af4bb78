"""What the forms of automations are made of: lengths of time, times of day, JSON."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

UNITS = (
    ("minutes", gettext_lazy("minutes")),
    ("hours", gettext_lazy("hours")),
    ("days", gettext_lazy("days")),
    ("weeks", gettext_lazy("weeks")),
)


class DurationWidget(forms.MultiWidget):
    """A number and a unit side by side."""

    template_name = "automations/_duration.html"

    def __init__(self) -> None:
        number = forms.NumberInput(attrs={"min": 0, "aria-label": gettext_lazy("Number")})
        super().__init__([number, forms.Select(choices=UNITS, attrs={"aria-label": gettext_lazy("Unit")})])

    def decompress(self, value: Any) -> list[Any]:
        return list(value) if isinstance(value, list | tuple) and len(value) == 2 else [None, "hours"]


class DurationField(forms.MultiValueField):
    """A length of time as ``[4, "hours"]``; None when it may be left out and is."""

    widget = DurationWidget

    def __init__(self, **options: Any) -> None:
        fields = (forms.IntegerField(min_value=0), forms.ChoiceField(choices=UNITS))
        super().__init__(fields, require_all_fields=False, **options)

    def compress(self, values: list[Any]) -> list[Any] | None:
        if not values or values[0] is None:
            return None
        return [values[0], values[1] or "hours"]

    def clean(self, value: Any) -> Any:
        # The unit is always chosen: without a number nothing was said.
        if isinstance(value, list | tuple) and value and value[0] in ("", None):
            if self.required:
                raise forms.ValidationError(_("Say how long."))
            return None
        return super().clean(value)


class TimeOfDay(forms.TimeField):
    """A time of day as ``"09:00"``; None when it is left out."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return f"{found:%H:%M}" if found is not None else None


class Json(forms.CharField):
    """JSON as it is written by hand; None when it is left out."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "code"})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False, indent=1)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(_("This is no JSON: %(error)s") % {"error": error}) from error
