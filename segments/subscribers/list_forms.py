"""What one fills in about static lists: a name, an address to add, and which list selected people go on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import StaticList, Subscriber
from segments.subscribers.types import Refusal


class ListForm(forms.Form):
    """What a list is called."""

    name = forms.CharField(max_length=120, label=_("Name"), help_text=_("Only your team sees it."))
    description = forms.CharField(max_length=255, required=False, label=_("Description"))

    def refuse(self, refusal: Refusal) -> None:
        """Show what the service refused, at its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)


class AddressForm(forms.Form):
    """One person, by address."""

    email = forms.CharField(max_length=320, label=_("Address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def clean_email(self) -> Subscriber:
        try:
            key = address_key(normalise(self.cleaned_data["email"]))
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from error
        person = Subscriber.objects.present().filter(address_key=key).first()
        if person is None:
            raise forms.ValidationError(_("Nobody here has this address. Add them as a subscriber first."))
        return person


class WhichListForm(forms.Form):
    """A list that is there, or the name of a new one."""

    static_list = forms.ModelChoiceField(
        StaticList.objects.all(), required=False, label=_("List"), empty_label=_("A new list"), to_field_name="uuid"
    )
    name = forms.CharField(max_length=120, required=False, label=_("Name of the new list"))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        chosen, name = values.get("static_list"), values.get("name")
        if "static_list" not in self.errors and not chosen and not name:
            self.add_error("name", _("Choose a list, or name a new one."))
        if chosen and name:
            self.add_error("name", _("Choose a list or name a new one, not both."))
        return values

    def refuse(self, refusal: Refusal) -> None:
        """Show what the service refused, at its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)
