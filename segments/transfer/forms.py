"""What people fill in: which columns leave."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from personalize.core import ratelimit
from segments.transfer.exports import TOPIC, ExportColumn, Format, available

USUAL = ("email", "first_name", "last_name", "country", "language")
"""The columns ticked to begin with, beside what people said to the topics."""


class ExportForm(forms.Form):
    """Which columns of whom leave in which form. Whoever takes people out says their password again."""

    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "option-groups"}),
        error_messages={"required": _("Tick at least one column.")},
    )
    format = forms.ChoiceField(
        label=_("Form of the file"),
        choices=[
            (Format.CSV.value, _("CSV, for spreadsheets")),
            (Format.NDJSON.value, _("NDJSON, one object a line, for programs")),
        ],
        widget=forms.RadioSelect(attrs={"class": "options"}),
        initial=Format.CSV.value,
    )
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=_("So that nobody takes your people away at a desk you left open."),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        self._known = available()
        self.fields["columns"].choices = [  # type: ignore[attr-defined]
            (group, [(column.key, column.label) for column in columns])
            for group, columns in groupby(self._known, key=lambda column: str(column.group))
        ]
        self.initial.setdefault(
            "columns", [column.key for column in self._known if column.key in USUAL or column.key.startswith(TOPIC)]
        )

    def clean_password(self) -> str:
        key = f"export:{self._user.pk}"
        if seconds := ratelimit.wait_seconds(key):
            raise forms.ValidationError(_("Too many tries. Wait %(seconds)d seconds."), params={"seconds": seconds})
        if not self._user.check_password(self.cleaned_data["password"]):
            ratelimit.note_failure(key)
            raise forms.ValidationError(_("This is not your password."))
        ratelimit.forget(key)
        return ""

    def chosen(self) -> Sequence[ExportColumn]:
        """The ticked columns, in their own order."""
        return [column for column in self._known if column.key in self.cleaned_data["columns"]]
