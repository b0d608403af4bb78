"""Forms of connections and their mappings."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.commerce import payloads
from segments.commerce.mapping import Fault, Thing
from segments.commerce.models import Connection, ConnectionKind
from segments.commerce.payloads import BadPayload
from segments.consent.models import Topic


class ConnectionForm(forms.Form):
    """A new connection."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of shop"), choices=ConnectionKind.choices)
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("For you to tell it apart.")
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret of the shop"),
        max_length=255,
        required=False,
        help_text=gettext_lazy(
            "Shopify shows one where you add the webhook. For other shops leave it empty: you get one to enter there."
        ),
    )
    source = forms.SlugField(
        label=gettext_lazy("Source"),
        max_length=40,
        initial="shop",
        help_text=gettext_lazy(
            "Whose numbers and ids these are. Keep “shop”, the name that imports use, unless it is a second shop."
        ),
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if Connection.objects.filter(name=name).exists():
            raise forms.ValidationError(_("There is a connection of this name."))
        return name

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == ConnectionKind.SHOPIFY and not values.get("secret"):
            self.add_error("secret", _("Shopify signs with a secret of its own. Copy it from there."))
        return values


class OriginsForm(forms.Form):
    """The sites whose pages may report what people look at."""

    origins = forms.CharField(
        label=gettext_lazy("Sites that may report"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "https://shop.example"}),
        help_text=gettext_lazy("One a line, such as https://shop.example. Pages of other sites are not heard."),
    )

    def clean_origins(self) -> list[str]:
        found = []
        for line in str(self.cleaned_data["origins"]).split():
            try:
                parts = urlsplit(line)
                port = f":{parts.port}" if parts.port else ""
            except ValueError:
                parts, port = urlsplit(""), ""
            if parts.scheme not in ("https", "http") or not parts.hostname or len(line) > 200:
                raise forms.ValidationError(_("“%s” is not a site such as https://shop.example.") % line[:60])
            found.append(f"{parts.scheme}://{parts.hostname}{port}")
        return found[:20]


class MappingForm(forms.Form):
    """The mapping of one thing, its sample, and the topics it is for."""

    topics = forms.CharField(label=gettext_lazy("Topics"), required=False, max_length=1000)
    condition = forms.CharField(label=gettext_lazy("Only if"), required=False, max_length=500)
    sample_topic = forms.CharField(label=gettext_lazy("Topic of the sample"), required=False, max_length=80)
    sample = forms.CharField(
        label=gettext_lazy("Sample"),
        required=False,
        max_length=200_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
    )
    consent_topic = forms.ChoiceField(label=gettext_lazy("Topic they join"), required=False)
    consent_basis = forms.CharField(
        label=gettext_lazy("On what ground"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Such as “Box at the checkout, not ticked beforehand”. It is kept as proof."),
    )
    lock_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, thing: Thing, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.thing = thing
        topics = [(one.key, one.name) for one in Topic.objects.all()]
        self.fields["consent_topic"].choices = [("", _("None: the shop never joins anybody")), *topics]  # type: ignore[attr-defined]
        for one in thing.fields:
            self.fields[f"field_{one.name}"] = forms.CharField(
                label=one.label,
                required=False,
                max_length=500,
                widget=forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "class": "mono"})
                if one.name in ("status", "active", "checkout")
                else forms.TextInput(
                    attrs={"list": "places", "spellcheck": "false", "class": "mono", "autocomplete": "off"}
                ),
            )

    def field_rows(self) -> list[dict[str, Any]]:
        """The fields of the thing with what the page says about each."""
        return [
            {"bound": self[f"field_{one.name}"], "needed": one.needed, "each": one.each, "name": one.name}
            for one in self.thing.fields
        ]

    def clean_topics(self) -> list[str]:
        return [topic for topic in re.split(r"[,\s]+", str(self.cleaned_data["topics"])) if topic]

    def clean_sample(self) -> dict[str, Any] | None:
        text = str(self.cleaned_data["sample"]).strip()
        if not text:
            return None
        try:
            return payloads.parse(text.encode())
        except (BadPayload, UnicodeEncodeError) as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("consent_topic") and not values.get("consent_basis"):
            self.add_error("consent_basis", _("Say on what ground they may be mailed."))
        return values

    def part(self) -> dict[str, Any]:
        """The thing's part of the mapping, as it is stored."""
        texts = {
            one.name: str(self.cleaned_data[f"field_{one.name}"]).replace("\r\n", "\n") for one in self.thing.fields
        }
        part: dict[str, Any] = {
            "topics": self.cleaned_data["topics"],
            "fields": {name: text for name, text in texts.items() if text},
        }
        if self.cleaned_data["condition"]:
            part["if"] = self.cleaned_data["condition"]
        return part

    def consent(self) -> dict[str, str]:
        """What a yes to marketing joins, empty for nothing."""
        topic = self.cleaned_data["consent_topic"]
        return {"topic": topic, "basis": self.cleaned_data["consent_basis"]} if topic else {}

    def tell(self, faults: list[Fault]) -> None:
        """Show each fault at its field, and those about something else on top."""
        for fault in faults:
            name = f"field_{fault.field.rpartition('.')[2]}"
            if fault.place.startswith(f"{self.thing.key}.if"):
                self.add_error("condition", fault.reason)
            elif fault.place.startswith(self.thing.key) and name in self.fields:
                self.add_error(name, str(fault) if "[" in fault.place else fault.reason)
            else:
                self.add_error(None, str(fault))


def initial_of(connection: Connection, thing: Thing, sample: Any, topic: str) -> dict[str, Any]:
    """What the form of a thing begins with."""
    part = connection.mapping.get(thing.key) or {}
    consent = connection.mapping.get("consent") or {}
    return {
        "topics": ", ".join(part.get("topics", [])),
        "condition": part.get("if", ""),
        "sample": json.dumps(sample, indent=2, ensure_ascii=False) if sample else "",
        "sample_topic": topic or next(iter(part.get("topics", [])), ""),
        "consent_topic": consent.get("topic", ""),
        "consent_basis": consent.get("basis", ""),
        "lock_version": connection.lock_version,
        **{f"field_{name}": text for name, text in part.get("fields", {}).items()},
    }
