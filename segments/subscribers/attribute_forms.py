"""What one fills in about an attribute: its name, its type, its choices, and the words that stand in for it."""

from __future__ import annotations

import re
from typing import Any, cast

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from segments.subscribers.models import AttributeDefinition, AttributeType
from segments.subscribers.profile import language_tag
from segments.subscribers.types import Refusal

LONGEST_CHOICE = 100


class AttributeForm(forms.Form):
    """An attribute; the key is asked for a new one only, and the type is fixed once people have a value."""

    label = forms.CharField(max_length=80, label=_("Name"), help_text=_("As your team and your readers know it."))
    key = forms.CharField(
        max_length=40,
        label=_("Key"),
        required=False,
        help_text=_(
            "As files, templates and the API call it, such as shoe_size. It stays. Left empty, it is made of the name."
        ),
    )
    type = forms.ChoiceField(choices=AttributeType.choices, label=_("Type"))
    unit = forms.CharField(
        max_length=20, required=False, label=_("Unit"), help_text=_("Optional, such as cm or points.")
    )
    choices = forms.CharField(
        required=False,
        label=_("Choices"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One a line; for a list to choose from."),
    )
    sensitive = forms.BooleanField(
        required=False,
        label=_("Sensitive"),
        help_text=_("Shown only to those who may see addresses, never as a sample, never in a subject line."),
    )
    self_service = forms.BooleanField(
        required=False,
        label=_("People may change it"),
        help_text=_("They see and set it in the preference centre."),
    )

    def __init__(self, *args: Any, definition: AttributeDefinition | None = None, held: int = 0, **kwargs: Any) -> None:
        if definition is not None:
            kwargs["initial"] = {
                "label": definition.label,
                "type": definition.type,
                "unit": definition.unit,
                "choices": "\n".join(definition.choices),
                "sensitive": definition.sensitive,
                "self_service": definition.self_service,
            }
        super().__init__(*args, **kwargs)
        if definition is not None:
            del self.fields["key"]
            self.fields["type"].disabled = bool(held)

    def clean_choices(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]
        folded = [line.casefold() for line in lines]
        for place, line in enumerate(lines):
            if len(line) > LONGEST_CHOICE:
                raise forms.ValidationError(
                    _("A choice is longer than %(n)d characters."), params={"n": LONGEST_CHOICE}
                )
            if re.search(r"[;|]", line):
                raise forms.ValidationError(
                    _("‘%(line)s’ has a ; or | in it, which parts the items of a list."), params={"line": line}
                )
            if folded.index(folded[place]) != place:
                raise forms.ValidationError(_("‘%(line)s’ stands there twice."), params={"line": line})
        return lines

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "key" in self.fields and not values.get("key"):
            values["key"] = slugify(values.get("label", "")).replace("-", "_")[:40]
        return values

    def refuse(self, refusal: Refusal) -> None:
        """Show what the service refused, at its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)


class FallbackForm(forms.Form):
    """Words that stand in for a missing value, in one language."""

    language = forms.CharField(max_length=12, required=False, label=_("Language"))
    words = forms.CharField(max_length=200, required=False, label=_("Words"))

    def clean_language(self) -> str:
        text = self.cleaned_data["language"].strip()
        tag = language_tag(text) if text else ""
        if tag is None:
            raise forms.ValidationError(_("Is not a language we know; use a code such as en or de-AT."))
        return tag

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("words") and not values.get("language") and "language" not in self.errors:
            self.add_error("language", _("Is missing."))
        return values


class BaseFallbacks(forms.BaseFormSet):  # type: ignore[type-arg]  # Not subscriptable when it runs.
    """The rows of fallbacks, a language in each."""

    def clean(self) -> None:
        seen: set[str] = set()
        for form in self.forms:
            language = form.cleaned_data.get("language", "") if form.is_valid() else ""
            if language and language in seen:
                form.add_error("language", _("Stands there twice."))
            seen.add(language)

    def fallback(self) -> dict[str, str]:
        """Words by language; rows without words say nothing."""
        return {
            form.cleaned_data["language"]: form.cleaned_data["words"]
            for form in self.forms
            if form.cleaned_data.get("words")
        }


Fallbacks = cast(type[BaseFallbacks], forms.formset_factory(FallbackForm, formset=BaseFallbacks, extra=2, max_num=60))
