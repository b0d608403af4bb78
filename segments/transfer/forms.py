"""What people fill in: the file, which of its columns is what, on what ground people are joined, and what leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from personalize.core import ratelimit
from segments.consent.models import Topic, TopicKind
from segments.subscribers.models import AttributeDefinition
from segments.subscribers.policies import ATTRIBUTE
from segments.transfer.exports import TOPIC, ExportColumn, Format, available
from segments.transfer.kinds import KINDS
from segments.transfer.models import Import, ImportKind
from segments.transfer.progress import HEADER
from segments.transfer.services import field_choices
from segments.transfer.types import ColumnMap, Preview

SAMPLES = 3
# Nothing of a person's state is among them: consent, suppression and ids of ours are never a column's to set.
LABELS = {
    "email": _("Mail address"),
    "external_id": _("Customer number"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "preferred_name": _("Preferred name"),
    "title": _("Title"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "country": _("Country"),
    "region": _("Region"),
    "city": _("City"),
    "postal_code": _("Postal code"),
    "latitude": _("Latitude"),
    "longitude": _("Longitude"),
    "birth_date": _("Birthday"),
    "code": _("Product code"),
    "description": _("Description"),
    "url": _("Address of its page"),
    "image_url": _("Address of its picture"),
    "category": _("Category"),
    "brand": _("Brand"),
    "price": _("Price"),
    "stock": _("Pieces in stock"),
    "active": _("On sale, yes or no"),
    "number": _("Order number"),
    "product": _("Product code"),
    "quantity": _("Quantity"),
    "unit_price": _("Price of one piece"),
    "placed_at": _("Placed at"),
    "customer_id": _("Customer number"),
    "status": _("Status"),
    "order_number": _("Order a refund belongs to"),
    "name": _("What happened"),
    "occurred_at": _("When"),
    "idempotency_key": _("Key of the event"),
    "subject": _("What it is about"),
    "amount": _("Amount of money"),
    "properties": _("Further facts, as JSON"),
}
POLICY_LABELS = [
    ("set", _("Replace what is there")),
    ("fill", _("Fill only where nothing is")),
    ("append", _("Add to what is there")),
]
# What systems call a column, beside our own names, with everything but letters and digits taken out.
ALSO_CALLED = {
    "mail": "email",
    "emailaddress": "email",
    "mailaddress": "email",
    "forename": "first_name",
    "givenname": "first_name",
    "surname": "last_name",
    "familyname": "last_name",
    "town": "city",
    "postcode": "postal_code",
    "zip": "postal_code",
    "zipcode": "postal_code",
    "countrycode": "country",
    "timezone": "time_zone",
    "birthday": "birth_date",
    "dateofbirth": "birth_date",
    "customerno": "external_id",
    "customernumber": "external_id",
    "sku": "code",
    "name": "title",
    "imageurl": "image_url",
    "orderno": "number",
    "ordernumber": "number",
    "invoiceno": "number",
    "stockcode": "product",
    "qty": "quantity",
    "unitprice": "unit_price",
    "invoicedate": "placed_at",
    "orderdate": "placed_at",
    "customerid": "customer_id",
    "event": "name",
}
_IMPOSSIBLE = {
    "fill": _("This is how the row is known; it always counts."),
    "append": _("Only an attribute of several values can be added to."),
}
GROUNDS = [
    _("They ticked a box on our order form"),
    _("They signed up on our website and confirmed"),
    _("They signed up on paper"),
    _("They are customers, and we mail about similar products"),
]
ENCODINGS = [
    ("utf-8-sig", _("UTF-8, what most systems write")),
    ("cp1252", _("Windows, Western Europe")),
    ("cp1250", _("Windows, Central Europe")),
    ("iso-8859-15", _("ISO 8859-15")),
]

USUAL = ("email", "first_name", "last_name", "country", "language")
"""The columns ticked to begin with, beside what people said to the topics."""


class UploadForm(forms.Form):
    """A file and what it is about; the file stands last, so that what stands before it is known when it is refused."""

    kind = forms.ChoiceField(label=_("What is in it"), choices=ImportKind.choices)
    source = forms.SlugField(
        max_length=40,
        label=_("Where it comes from"),
        initial="shop",
        help_text=_("One word for the system, the same each time: customer and order numbers are known by it."),
    )
    encoding = forms.ChoiceField(label=_("Encoding"), choices=ENCODINGS, help_text=_("Excel workbooks need none."))
    file = forms.FileField(
        label=_("File"),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.gz,.xlsx"}),
        help_text=_("CSV, also gzipped, or an Excel workbook (.xlsx). The first line names the columns."),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )


@dataclass(frozen=True)
class MappedColumn:
    """A column of the file on its way to a field: its first values, and the two choices made for it."""

    name: str
    samples: Sequence[str]
    field: forms.BoundField
    policy: forms.BoundField


class ColumnsForm(forms.Form):
    """Which column is which field and what its values do; and, apart from it, on what ground people are joined."""

    topic = forms.ModelChoiceField(
        Topic.objects.filter(kind=TopicKind.MARKETING),
        required=False,
        label=_("Topic they join"),
        empty_label=_("None: only store them"),
    )
    basis = forms.CharField(
        required=False,
        max_length=80,
        label=_("On what ground"),
        widget=forms.TextInput(attrs={"list": "grounds", "autocomplete": "off"}),
        help_text=_(
            "Kept as proof with every person. Without it they wait for confirmation and get no marketing mail."
        ),
    )
    wording = forms.CharField(
        required=False,
        label=_("The words they agreed to (optional)"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    customer_source = forms.SlugField(
        required=False,
        max_length=40,
        label=_("System of the customer numbers"),
        help_text=_("Empty: the one the file comes from."),
    )
    refund_prefix = forms.CharField(
        required=False,
        max_length=10,
        label=_("Beginning of refund numbers (optional)"),
        help_text=_("Order numbers that begin with it are refunds, with quantities below zero; such as C."),
    )
    _OF_KIND = {
        ImportKind.SUBSCRIBERS: ("topic", "basis", "wording"),
        ImportKind.ORDERS: ("customer_source", "refund_prefix"),
    }

    def __init__(self, job: Import, seen: Preview, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._job = job
        self._seen = seen
        mine = self._OF_KIND.get(ImportKind(job.kind), ())
        self.fields = {name: field for name, field in self.fields.items() if name in mine}
        self.initial = {"topic": job.topic_id, "basis": job.basis, "wording": job.wording, **job.options}
        self.grounds = GROUNDS
        self._known = field_choices(job.kind)
        fields = _choices(self._known)
        columns = job.columns if HEADER in job.options else _guessed(job.columns, seen.header, self._known)
        for place, name in enumerate(seen.header):
            said = columns.get(name, {})
            self.fields[f"field-{place}"] = forms.ChoiceField(
                label=name, required=False, choices=fields, initial=said.get("field", "")
            )
            self.fields[f"policy-{place}"] = forms.ChoiceField(
                label=translated("What “%(column)s” does") % {"column": name},
                required=False,
                choices=POLICY_LABELS,
                initial=said.get("policy", "set"),
            )

    def lines(self) -> Iterator[MappedColumn]:
        """The columns of the file in their order."""
        for place, name in enumerate(self._seen.header):
            values = (row[place] for row in self._seen.rows if place < len(row) and row[place].strip())
            samples = list(dict.fromkeys(values))[:SAMPLES]
            yield MappedColumn(name, samples, self[f"field-{place}"], self[f"policy-{place}"])

    def policies(self) -> bool:
        """Whether values of this kind may do anything but replace what is stored."""
        return any(len(possible) > 1 for possible in self._known.values())

    def others(self) -> list[forms.BoundField]:
        """What is asked beside the columns, for this kind alone."""
        return [self[name] for name in self._OF_KIND.get(ImportKind(self._job.kind), ())]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        taken: dict[str, str] = {}
        for place, name in enumerate(self._seen.header):
            field = found.get(f"field-{place}", "")
            if not field:
                continue
            if field in taken:
                error = translated("“%(column)s” is this already.") % {"column": taken[field]}
                self.add_error(f"field-{place}", error)
            taken.setdefault(field, name)
            if (policy := found.get(f"policy-{place}") or "set") not in self._known[field]:
                self.add_error(f"policy-{place}", _IMPOSSIBLE[policy])
        missing = [str(LABELS.get(field, field)) for field in KINDS[self._job.kind].needed if field not in taken]
        if missing:
            self.add_error(None, translated("No column is chosen for: %(fields)s.") % {"fields": ", ".join(missing)})
        if found.get("basis") and not found.get("topic"):
            self.add_error("topic", translated("Choose the topic that this is the ground of joining."))
        return found

    def columns(self) -> ColumnMap:
        """The columns that are read, as the import keeps them."""
        return {
            name: {"field": field, "policy": self.cleaned_data[f"policy-{place}"] or "set"}
            for place, name in enumerate(self._seen.header)
            if (field := self.cleaned_data[f"field-{place}"])
        }

    def options(self) -> dict[str, str]:
        """What only one kind knows."""
        return {name: self.cleaned_data[name] for name in ("customer_source", "refund_prefix") if name in self.fields}


def _guessed(columns: ColumnMap, header: Sequence[str], known: Iterable[str]) -> ColumnMap:
    """What columns are likely to be, beside those named like a field; only before anybody has said so."""
    labels = {
        _plain(label): f"{ATTRIBUTE}{key}" for key, label in AttributeDefinition.objects.values_list("key", "label")
    }
    fields = {_plain(field): field for field in known} | labels
    found = dict(columns)
    for name in header:
        plain = _plain(name)
        field = fields.get(plain) or fields.get(_plain(ALSO_CALLED.get(plain, "")))
        if name not in found and field and field not in (said["field"] for said in found.values()):
            found[name] = {"field": field}
    return found


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _choices(known: Iterable[str]) -> list[tuple[Any, Any]]:
    """What a column may be, attributes in a group of their own."""
    names = dict(AttributeDefinition.objects.values_list("key", "label"))
    built_in = [(key, LABELS.get(key, key)) for key in known if not key.startswith(ATTRIBUTE)]
    own = [(key, names[key.removeprefix(ATTRIBUTE)]) for key in known if key.startswith(ATTRIBUTE)]
    groups: list[tuple[Any, Any]] = [("", _("Leave out")), (_("Fields"), built_in)]
    return [*groups, (_("Attributes"), own)] if own else groups


class ExportForm(forms.Form):
    """Which columns of whom leave in which form. Whoever takes people out says their password again."""

    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one column.")},
    )
    format = forms.ChoiceField(
        label=_("Form of the file"),
        choices=[
            (Format.CSV.value, _("CSV, for spreadsheets")),
            (Format.NDJSON.value, _("NDJSON, one object a line, for programs")),
        ],
        widget=forms.RadioSelect,
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
