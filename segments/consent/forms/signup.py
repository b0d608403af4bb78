"""A sign-up form as strangers fill it in, with what keeps machines out without a riddle or a script."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core import signing
from django.http import QueryDict
from django.utils.translation import gettext as _

from personalize.core import clock
from segments.consent.forms import profile
from segments.consent.forms.address import StrangersForm
from segments.consent.models import SignupForm, Topic

# Nobody reads a form and fills it in so quickly; nobody keeps it open for longer.
_QUICKEST = dt.timedelta(seconds=2)
_SLOWEST = dt.timedelta(hours=24)
_SIGNER = signing.Signer(salt="consent.signup")


def stamp(form: SignupForm) -> str:
    """When this form was shown, signed."""
    return _SIGNER.sign(f"{form.key}.{int(clock.now().timestamp())}")


def _shown_ago(form: SignupForm, stamped: str) -> dt.timedelta | None:
    """How long ago this form was shown; None for a stamp that is missing, forged or another form's."""
    try:
        key, _dot, seconds = _SIGNER.unsign(stamped).rpartition(".")
    except signing.BadSignature:
        return None
    return clock.now() - dt.datetime.fromtimestamp(int(seconds), tz=dt.UTC) if key == form.key else None


class SignupFields(StrangersForm):
    """The address, the topics when there are several, what the form asks, and the consent in its own words."""

    def __init__(self, form: SignupForm, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.form = form
        self.offered = list(form.topics.all())
        self.asked = profile.questions(form.asks)
        self.fields |= self.asked
        if len(self.offered) > 1:
            self.fields["topics"] = forms.ModelMultipleChoiceField(
                form.topics.all(),
                to_field_name="key",
                label=_("What would you like to hear about?"),
                widget=forms.CheckboxSelectMultiple,
                error_messages={"required": _("Choose at least one.")},
            )
        self.fields["agree"] = forms.BooleanField(
            label=form.wording, error_messages={"required": _("Tick this if you agree; without it nothing is sent.")}
        )

    @property
    def in_time(self) -> bool:
        """Whether the form was sent neither quicker than people are nor a day after it was shown."""
        ago = _shown_ago(self.form, self.data.get("stamp", ""))
        return ago is not None and _QUICKEST <= ago <= _SLOWEST

    @property
    def shown(self) -> list[forms.BoundField]:
        """The questions in the order in which they are asked."""
        names = ["email", *(["topics"] if "topics" in self.fields else []), *self.asked]
        return [self[name] for name in names]

    @property
    def topics(self) -> list[Topic]:
        return list(self.cleaned_data["topics"]) if "topics" in self.fields else self.offered

    @property
    def answers(self) -> dict[str, Any]:
        """What they said of themselves, as SubscriberRow's fields."""
        return profile.answers({name: self.cleaned_data[name] for name in self.asked}, blanks=False)
