"""What one fills in about a person: built-in fields and attributes, each with the widget of its type."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from babel import Locale
from django import forms
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.dates import MONTHS
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from personalize.accounts.forms import zone_choices
from personalize.core import permissions
from segments.subscribers import profile
from segments.subscribers.attributes import typed
from segments.subscribers.models import AttributeDefinition, AttributeType, Subscriber
from segments.subscribers.types import Refusal, SubscriberRow

PREFIX = "attribute."
BIRTHDAY = ("birth_day", "birth_month", "birth_year")
POSITION = ("latitude", "longitude")
TO_THE_SECOND = "%Y-%m-%dT%H:%M:%S"
NOTHING = ("", "–")


class _HiddenInstant(forms.DateTimeInput):
    input_type = "hidden"

    def __init__(self) -> None:
        super().__init__(format=TO_THE_SECOND)


class InstantField(forms.DateTimeField):
    """A moment in the reader's zone, to the second."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=TO_THE_SECOND)
    hidden_widget = _HiddenInstant


def country_choices() -> list[tuple[str, str]]:
    """All countries we take, in the reader's words."""
    names = Locale.parse((get_language() or "en-gb").replace("-", "_"), sep="_").territories
    found = {code: str(name) for code, name in names.items() if profile.country_code(code) == code}
    return [NOTHING, *sorted(found.items(), key=lambda pair: pair[1])]


def attribute_field(definition: AttributeDefinition) -> forms.Field:
    """The field for values of an attribute; what they must be like is checked by the typing of attributes."""
    label = f"{definition.label} ({definition.unit})" if definition.unit else definition.label
    choices = [(choice, choice) for choice in definition.choices]
    given: dict[str, Any] = {"label": label, "required": False}
    match definition.type:
        case AttributeType.BOOL:
            return forms.ChoiceField(choices=[NOTHING, ("true", _("Yes")), ("false", _("No"))], **given)
        case AttributeType.ENUM:
            return forms.ChoiceField(choices=[NOTHING, *choices], **given)
        case AttributeType.MULTI:
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **given)
        case AttributeType.DATE:
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **given)
        case AttributeType.DATETIME:
            zone = timezone.get_current_timezone_name()
            return InstantField(help_text=_("In the time of %s.") % zone, **given)
        case AttributeType.INT:
            return forms.CharField(widget=forms.NumberInput(attrs={"step": 1}), **given)
        case AttributeType.DECIMAL:
            return forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **given)
    return forms.CharField(max_length=5_000, **given)


class MendForm(forms.Form):
    """One value of one field, to stand in the place of one that did not fit."""

    def __init__(self, *args: Any, key: str, definition: AttributeDefinition | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value"] = attribute_field(definition) if definition else built_in_field(key)
        self.fields["value"].widget.attrs["aria-label"] = definition.label if definition else str(field_label(key))


def field_label(key: str) -> Any:
    """What a built-in field is called where it stands alone."""
    whole = {"birth_date": gettext_lazy("Birthday"), "latitude": gettext_lazy("Position")}
    return whole.get(key) or SubscriberForm.base_fields[key].label


def built_in_field(key: str) -> forms.Field:
    """The field for values of a built-in field; what they must be like is checked by ``profile``."""
    if example := {"birth_date": "1988-02-29", "latitude": "51.45, -2.58"}.get(key):
        return forms.CharField(required=False, widget=forms.TextInput(attrs={"placeholder": example}))
    return copy.deepcopy(SubscriberForm.base_fields[key])


class SubscriberForm(forms.Form):
    """A person. Every field carries what it held when the page was made, so that only what one changed is stored."""

    lock_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    email = forms.CharField(
        max_length=320, label=gettext_lazy("Email"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    first_name = forms.CharField(required=False, label=gettext_lazy("First name"))
    last_name = forms.CharField(required=False, label=gettext_lazy("Last name"))
    preferred_name = forms.CharField(
        required=False, label=gettext_lazy("Called"), help_text=gettext_lazy("If other than the first name.")
    )
    title = forms.CharField(required=False, label=gettext_lazy("Title"), help_text=gettext_lazy("Such as Dr or Mme."))
    language = forms.CharField(
        required=False, label=gettext_lazy("Language"), help_text=gettext_lazy("A code such as en or de-AT.")
    )
    time_zone = forms.ChoiceField(
        required=False, label=gettext_lazy("Time zone"), choices=lambda: [NOTHING, *zone_choices()]
    )
    country = forms.ChoiceField(required=False, label=gettext_lazy("Country"), choices=country_choices)
    region = forms.CharField(required=False, label=gettext_lazy("Region"))
    city = forms.CharField(required=False, label=gettext_lazy("City"))
    postal_code = forms.CharField(required=False, label=gettext_lazy("Postal code"))
    latitude = forms.CharField(required=False, label=gettext_lazy("Latitude"))
    longitude = forms.CharField(required=False, label=gettext_lazy("Longitude"))
    birth_day = forms.CharField(
        required=False, label=gettext_lazy("Day"), widget=forms.NumberInput(attrs={"min": 1, "max": 31})
    )
    birth_month = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Month"),
        choices=lambda: [NOTHING, *((str(number), str(name)) for number, name in MONTHS.items())],
    )
    birth_year = forms.CharField(
        required=False, label=gettext_lazy("Year, if known"), widget=forms.NumberInput(attrs={"min": 1901})
    )

    def __init__(self, *args: Any, reader: Any, person: Subscriber | None = None, **kwargs: Any) -> None:
        may_see = permissions.allowed(reader, "people.address")
        self.definitions = [one for one in AttributeDefinition.objects.all() if may_see or not one.sensitive]
        if person is not None:
            kwargs["initial"] = _known(person, self.definitions)
        super().__init__(*args, **kwargs)
        for definition in self.definitions:
            self.fields[f"{PREFIX}{definition.key}"] = attribute_field(definition)
        if person is None:
            return
        # An address is changed on its own page, for consent and suppression hang on it.
        del self.fields["email"]
        for name, field in self.fields.items():
            field.show_hidden_initial = name != "lock_version"
            _keep_choosable(field, self.initial.get(name))

    def groups(self) -> list[tuple[str, list[list[forms.BoundField]]]]:
        """The fields under their headings, side by side where they belong together."""
        address: list[list[str]] = [["email"]] if "email" in self.fields else []
        found = [
            (_("Name"), [*address, ["first_name", "last_name"], ["preferred_name", "title"]]),
            (
                _("Place and language"),
                [["country", "region"], ["city", "postal_code"], ["language", "time_zone"], [*POSITION]],
            ),
            (_("Birthday"), [[*BIRTHDAY]]),
            (_("Attributes"), [[f"{PREFIX}{definition.key}"] for definition in self.definitions]),
        ]
        return [(title, [[self[name] for name in row] for row in rows]) for title, rows in found if rows]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        given = {name: values.get(name) for name in profile.GIVEN if name in values and name not in POSITION}
        checks: list[tuple[tuple[str, ...], dict[str, Any]]] = [((name,), {name: text}) for name, text in given.items()]
        if set(BIRTHDAY) & set(self.changed_data):
            if bool(values.get("birth_day")) != bool(values.get("birth_month")) or (
                values.get("birth_year") and not values.get("birth_day")
            ):
                self.add_error("birth_day", _("A birthday has a day and a month."))
            else:
                checks.append((BIRTHDAY, {"birth_date": self._birth_date(values)}))
        checks.append((POSITION, {name: values.get(name, "") for name in POSITION}))
        for names, row in checks:
            _columns, bad = profile.columns(row) if set(names) & set(self.changed_data) else ({}, [])
            for refusal in bad:
                self.add_error(names[0], refusal.sentence)
        for definition in self.definitions:
            name = f"{PREFIX}{definition.key}"
            value = values.get(name)
            if name in self.changed_data and value not in (None, "", []):
                checked = typed(definition, value)
                if isinstance(checked, Refusal):
                    self.add_error(name, checked.sentence)
        return values

    @staticmethod
    def _birth_date(values: Mapping[str, Any]) -> str:
        day, month, year = (str(values.get(name) or "").strip() for name in BIRTHDAY)
        if not (day or month or year):
            return ""
        return f"{year.zfill(4) if year else '-'}-{month.zfill(2)}-{day.zfill(2)}"

    def changes(self) -> dict[str, Any]:
        """What was changed, under the names of SubscriberRow's fields; an empty text clears."""
        values, changed = self.cleaned_data, set(self.changed_data)
        found: dict[str, Any] = {name: values[name] for name in profile.GIVEN if name in changed}
        if changed & set(BIRTHDAY):
            found["birth_date"] = self._birth_date(values)
        if changed & set(POSITION):
            found |= {name: values[name] for name in POSITION}
        attributes = {name.removeprefix(PREFIX): values[name] or None for name in changed if name.startswith(PREFIX)}
        return {**found, "attributes": attributes} if attributes else found

    def row(self) -> SubscriberRow:
        """A new person."""
        return SubscriberRow(email=self.cleaned_data["email"], **self.changes())

    def refuse(self, refusal: Refusal) -> None:
        """Show what the service refused, at its field."""
        for name in (refusal.field, f"{PREFIX}{refusal.field}"):
            if name in self.fields:
                self.add_error(name, refusal.sentence)
                return
        self.add_error(None, refusal.sentence)

    def over(self, stored: SubscriberForm) -> tuple[MultiValueDict[str, str], list[tuple[str, str, str]]]:
        """What to show when somebody else saved meanwhile: the data of this form put over what is ``stored`` now.

        The second part says, field by field, what differs: (label, stored now, written here). What was not touched here
        takes over what is stored, and has an empty text there.
        """
        data: MultiValueDict[str, str] = MultiValueDict({"lock_version": [str(stored.initial["lock_version"])]})
        posted = cast(MultiValueDict[str, str], self.data)
        differing = []
        for name, field in self.fields.items():
            if name == "lock_version":
                continue
            theirs, mine = _written(stored[name].value()), _written(self[name].value())
            before = _written(posted.getlist(self.add_initial_prefix(name)))
            touched = name in self.changed_data
            data.setlist(name, mine if touched else theirs)
            data.setlist(self.add_initial_prefix(name), theirs)
            if theirs != (mine if touched else before):
                nothing = _("Nothing")
                differing.append(
                    (
                        str(field.label),
                        ", ".join(theirs) or nothing,
                        (", ".join(mine) or nothing) if touched else "",
                    )
                )
        return data, differing


def _written(value: Any) -> list[str]:
    """A value as a page sends it."""
    values = value if isinstance(value, list) else [value]
    return [
        one.strftime(TO_THE_SECOND) if isinstance(one, dt.datetime) else str(one)
        for one in values
        if one not in (None, "")
    ]


def _known(person: Subscriber, definitions: list[AttributeDefinition]) -> dict[str, Any]:
    """What is stored, as the form's fields take it."""
    found = {name: getattr(person, name) for name in SubscriberForm.base_fields if name != "email"}
    found = {name: "" if value is None else value for name, value in found.items()}
    for definition in definitions:
        value = person.attributes.get(definition.key)
        if definition.type == AttributeType.BOOL and value is not None:
            value = "true" if value else "false"
        elif definition.type == AttributeType.DATETIME and value is not None:
            value = dt.datetime.fromisoformat(value)
        found[f"{PREFIX}{definition.key}"] = value
    return found


def _keep_choosable(field: forms.Field, stored: Any) -> None:
    """Offer what is stored even where it is no choice any more, or opening and saving the page would lose it."""
    if not isinstance(field, forms.ChoiceField):
        return
    offered: list[tuple[Any, Any]] = list(cast(Any, field.choices))
    known = {str(value) for value, _label in offered}
    for value in stored if isinstance(stored, list) else [stored]:
        if value not in (None, "") and str(value) not in known:
            offered.append((value, value))
            field.choices = offered
