"""The questions people may be asked about themselves, in sign-up forms and in the preference centre."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from babel import Locale
from django import forms
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.subscribers import attributes as typing
from segments.subscribers import profile
from segments.subscribers.models import AttributeDefinition, AttributeType, Subscriber
from segments.subscribers.types import Refusal

BUILT_IN: dict[str, Any] = {
    "first_name": gettext_lazy("What we call you"),
    "birth_date": gettext_lazy("Birthday"),
    "language": gettext_lazy("Language"),
}
# Fields of attributes are named so that no key can take the name of another field.
ATTRIBUTE = "about_"
_LONGEST_NAME = 60
_LONGEST_TEXT = 255
_DAY_AND_MONTH = 2
# Names are written into mails to whoever owns the address: no place for a stranger's advertisement.
_NO_NAME = ("://", "www.", "@", "<")
# The languages of most shops' customers; whoever has another one stored keeps it in the list.
_LANGUAGES = [
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fi",
    "fr",
    "ga",
    "hr",
    "hu",
    "is",
    "it",
    "lt",
    "lv",
    "nb",
    "nl",
    "pl",
    "pt",
    "ro",
    "sk",
    "sl",
    "sv",
    "tr",
    "uk",
    "ar",
    "fa",
    "he",
    "hi",
    "ja",
    "ko",
    "vi",
    "zh",
]


class BirthdayWidget(forms.MultiWidget):
    """Two lists, day and month; nobody is asked for a year."""

    use_fieldset = True

    def __init__(self) -> None:
        days = forms.Select(
            choices=[("", _("Day")), *((day, day) for day in range(1, 32))], attrs={"aria-label": _("Day")}
        )
        months = forms.Select(choices=[("", _("Month")), *MONTHS.items()], attrs={"aria-label": _("Month")})
        super().__init__([days, months])

    def decompress(self, value: Any) -> list[Any]:
        """(day, month) of ``--02-29``."""
        month, _dash, day = str(value or "").removeprefix("--").partition("-")
        return [int(day), int(month)] if day else [None, None]


class BirthdayField(forms.MultiValueField):
    """A day of the year, as ``--02-29``; empty when neither part is given."""

    widget = BirthdayWidget

    def __init__(self, **options: Any) -> None:
        parts = (
            forms.TypedChoiceField(choices=[(day, day) for day in range(1, 32)], coerce=int, required=False),
            forms.TypedChoiceField(choices=list(MONTHS.items()), coerce=int, required=False),
        )
        super().__init__(fields=parts, require_all_fields=False, **options)

    def compress(self, parts: list[Any]) -> str:
        given = [part for part in parts if part]
        if not given:
            return ""
        if len(given) < _DAY_AND_MONTH:
            raise forms.ValidationError(_("Choose a day and a month, or neither."))
        born = f"--{parts[1]:02d}-{parts[0]:02d}"
        if isinstance(problem := profile.birthday(born), str):
            raise forms.ValidationError(_("This day is not in the calendar."))
        return born if problem else ""


class NameField(forms.CharField):
    def clean(self, value: Any) -> str:
        name = profile.clean_text(str(super().clean(value)))
        if any(mark in name.lower() for mark in _NO_NAME):
            raise forms.ValidationError(_("Write a name, without an address or a link."))
        return name


def self_service() -> list[AttributeDefinition]:
    """The attributes that people may see and set themselves."""
    takes = [kind for kind in AttributeType.values if kind != AttributeType.DATETIME]
    return list(AttributeDefinition.objects.filter(self_service=True, type__in=takes))


def askable() -> list[tuple[str, Any]]:
    """What a form may ask, as (name, label)."""
    return [*BUILT_IN.items(), *((one.key, one.label) for one in self_service())]


def questions(asks: Iterable[str], person: Subscriber | None = None) -> dict[str, forms.Field]:
    """The fields of a form that asks for these names; a name nobody may ask for, any more, is left out."""
    attributes = {definition.key: definition for definition in self_service()}
    found: dict[str, forms.Field] = {}
    for name in asks:
        if name in BUILT_IN:
            found[name] = _built_in(name, person)
        elif name in attributes:
            found[ATTRIBUTE + name] = _attribute(attributes[name])
    return found


def initial(person: Subscriber, names: Iterable[str]) -> dict[str, Any]:
    """What is stored of the person, for the fields of these names."""
    born = f"--{person.birth_month:02d}-{person.birth_day:02d}" if person.birth_month and person.birth_day else ""
    stored = {"first_name": person.first_name, "language": person.language, "birth_date": born}
    yes_no = {True: "yes", False: "no"}
    found: dict[str, Any] = {}
    for name in names:
        value = person.attributes.get(name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE) else stored[name]
        found[name] = yes_no[value] if isinstance(value, bool) else value
    return found


def answers(cleaned: Mapping[str, Any], *, blanks: bool) -> dict[str, Any]:
    """What was filled in, with the names and meanings of SubscriberRow's fields; ``blanks``: empty answers clear."""
    told: dict[str, Any] = {name: cleaned[name] for name in BUILT_IN if name in cleaned and (blanks or cleaned[name])}
    attributes = {
        name.removeprefix(ATTRIBUTE): _plain(value)
        for name, value in cleaned.items()
        if name.startswith(ATTRIBUTE) and (blanks or value not in (None, "", []))
    }
    return {**told, "attributes": attributes} if attributes else told


def _plain(value: Any) -> Any:
    """As kept in JSON with the proof; empty answers remove the value."""
    if value in ("", None, []):
        return None
    return value if isinstance(value, bool | int | list) else str(value)


def _built_in(name: str, person: Subscriber | None) -> forms.Field:
    label = BUILT_IN[name]
    if name == "birth_date":
        return BirthdayField(label=label, required=False, help_text=_("No year needed."))
    if name == "language":
        return forms.ChoiceField(label=label, required=False, choices=languages(person.language if person else ""))
    given = {"autocomplete": "given-name"}
    return NameField(label=label, required=False, max_length=_LONGEST_NAME, widget=forms.TextInput(attrs=given))


def languages(stored: str = "") -> list[tuple[str, str]]:
    """Languages in their own words, with the one that is stored."""
    tags = dict.fromkeys([*_LANGUAGES, *([stored] if stored else [])])
    return [("", "–"), *sorted(((tag, _own_name(tag)) for tag in tags), key=lambda pair: pair[1])]


@lru_cache(maxsize=256)
def _own_name(tag: str) -> str:
    """What the language calls itself: ``de`` is Deutsch."""
    name = Locale.parse(tag, sep="-").get_display_name() or tag
    return name[:1].upper() + name[1:]


class AttributeField(forms.CharField):
    """An answer in the attribute's own type, so that nothing is taken here that storing would refuse."""

    def __init__(self, definition: AttributeDefinition, **options: Any) -> None:
        super().__init__(max_length=_LONGEST_TEXT, **options)
        self.definition = definition

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return ""
        typed = typing.typed(self.definition, text)
        if isinstance(typed, Refusal):
            raise forms.ValidationError(_("This %(reason)s.") % {"reason": typed.reason})
        return typed


def _attribute(definition: AttributeDefinition) -> forms.Field:
    common: dict[str, Any] = {"label": definition.label, "required": False, "help_text": definition.unit}
    choices = [(choice, choice) for choice in definition.choices]
    match definition.type:
        case AttributeType.MULTI:
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **common)
        case AttributeType.ENUM:
            return forms.ChoiceField(choices=[("", "–"), *choices], **common)
        case AttributeType.BOOL:
            yes_no = [("", "–"), ("yes", _("Yes")), ("no", _("No"))]
            return forms.TypedChoiceField(choices=yes_no, coerce=lambda word: word == "yes", empty_value=None, **common)
        case AttributeType.DATE:
            picker = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            return forms.DateField(widget=picker, input_formats=["%Y-%m-%d"], **common)
        case AttributeType.INT | AttributeType.DECIMAL:
            return AttributeField(definition, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
    return AttributeField(definition, **common)
