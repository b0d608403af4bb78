"""The one question of every form for strangers, and the form that asks nothing else: for the link to one's preferences."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core.addresses import BadAddress, normalise


class AddressField(forms.EmailField):
    """An address in its one spelling."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
        )

    def clean(self, value: object) -> str:
        try:
            return normalise(str(super().clean(value)))
        except BadAddress as error:
            raise forms.ValidationError(_("This is not an address we can write to.")) from error


class StrangersForm(forms.Form):
    """An address, and a field that only machines fill in."""

    email = AddressField()
    website = forms.CharField(required=False)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="ask_%s")

    @property
    def caught(self) -> bool:
        """Whether something filled in the field that people do not see."""
        return bool(self.data.get("website"))
