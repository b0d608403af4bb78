"""What is filled in on the pages about people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from personalize.core.addresses import BadAddress, normalise
from segments.subscribers.models import Subscriber

_ADDRESS = forms.EmailInput(attrs={"autocomplete": "off"})


class AddressForm(forms.Form):
    """One mail address; in its one spelling once it is clean."""

    email = forms.CharField(max_length=254, label=_("Address"), widget=_ADDRESS)

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"])
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from error


class EraseForm(forms.Form):
    """The person's address typed again, so that nobody is erased by a slip of the hand."""

    email = forms.CharField(
        max_length=254,
        label=_("Type the person’s address to confirm"),
        widget=_ADDRESS,
    )

    def __init__(self, *args: Any, person: Subscriber, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_email(self) -> str:
        typed = str(self.cleaned_data["email"]).strip().casefold()
        if typed != self.person.email:
            raise forms.ValidationError(_("This is not the address of the person on this page."))
        return typed
