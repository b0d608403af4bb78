"""What one fills in to bar addresses, and to free one again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from personalize.core.addresses import BadAddress, normalise
from segments.consent.models import SuppressionReason, Topic

MOST_BYTES = 20_000_000


def _scope() -> forms.ModelChoiceField[Topic]:
    return forms.ModelChoiceField(
        Topic.objects.all(),
        required=False,
        label=_("Barred from"),
        empty_label=_("Everything"),
        help_text=_("One topic, or everything."),
    )


class BarForm(forms.Form):
    """One address by hand, with the reason that is kept on record."""

    address = forms.CharField(label=_("Mail address"), max_length=254)
    topic = _scope()
    note = forms.CharField(label=_("Why"), max_length=200, help_text=_("Kept on record, such as: asked by phone."))

    def clean_address(self) -> str:
        try:
            return normalise(str(self.cleaned_data["address"]))
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from error


class FreeForm(forms.Form):
    """The reason for which an address may be mailed again."""

    reason = forms.CharField(label=_("Why"), max_length=200, help_text=_("Kept on record, such as: asked in writing."))


class UploadForm(forms.Form):
    """A file of addresses, and what holds for rows that do not say it themselves."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("One address a line, or a CSV with a column address or address_key. At most 20 MB."),
    )
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[choice for choice in SuppressionReason.choices if choice[0] != SuppressionReason.ERASED],
        initial=SuppressionReason.MANUAL,
        help_text=_(
            "For rows that do not say. Who left or complained still gets receipts; the others get no mail at all."
        ),
    )
    topic = _scope()
    source = forms.CharField(
        label=_("Where the list comes from"), max_length=80, help_text=_("Such as the system you used before.")
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than 20 MB. The command import_suppression takes any size.")
            )
        return file
