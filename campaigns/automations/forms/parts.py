"""What the forms of automations are made of: lengths of time, times of day, JSON, and a rule as a small form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.consent.models import Topic
from segments.segmentation.models import Segment
from segments.segmentation.rules.attributes import OPERATORS
from segments.segmentation.rules.kinds import kinds
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.topics import STATES
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import operator_words
from segments.subscribers.models import StaticList

UNITS = (
    ("minutes", gettext_lazy("minutes")),
    ("hours", gettext_lazy("hours")),
    ("days", gettext_lazy("days")),
    ("weeks", gettext_lazy("weeks")),
)
VALUELESS = ("is_known", "not_known")
LISTS = ("in", "not_in", "contains_any", "contains_all", "between")


class DurationWidget(forms.MultiWidget):
    """A number and a unit side by side."""

    template_name = "automations/_duration.html"

    def __init__(self) -> None:
        number = forms.NumberInput(attrs={"min": 0, "aria-label": gettext_lazy("Number")})
        super().__init__([number, forms.Select(choices=UNITS, attrs={"aria-label": gettext_lazy("Unit")})])

    def decompress(self, value: Any) -> list[Any]:
        return list(value) if isinstance(value, list | tuple) and len(value) == 2 else [None, "hours"]


class DurationField(forms.MultiValueField):
    """A length of time as ``[4, "hours"]``; None when it may be left out and is."""

    widget = DurationWidget

    def __init__(self, **options: Any) -> None:
        fields = (forms.IntegerField(min_value=0), forms.ChoiceField(choices=UNITS))
        super().__init__(fields, require_all_fields=False, **options)

    def compress(self, values: list[Any]) -> list[Any] | None:
        if not values or values[0] is None:
            return None
        return [values[0], values[1] or "hours"]

    def clean(self, value: Any) -> Any:
        # The unit is always chosen: without a number nothing was said.
        if isinstance(value, list | tuple) and value and value[0] in ("", None):
            if self.required:
                raise forms.ValidationError(_("Say how long."))
            return None
        return super().clean(value)


class TimeOfDay(forms.TimeField):
    """A time of day as ``"09:00"``; None when it is left out."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return f"{found:%H:%M}" if found is not None else None


class Json(forms.CharField):
    """JSON as it is written by hand; None when it is left out."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "code"})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False, indent=1)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(_("This is no JSON: %(error)s") % {"error": error}) from error


class RuleFields(forms.Form):
    """One rule as a small form, or any rule as JSON. ``rule()`` is what it says, None when nothing.

    A rule that the small form cannot say is shown as JSON and stays as it is.
    """

    rule_required = True

    rule_kind = forms.ChoiceField(label=gettext_lazy("The question"), required=False)
    rule_attr = forms.ChoiceField(label=gettext_lazy("Field"), required=False)
    rule_op = forms.ChoiceField(label=gettext_lazy("Compared"), required=False)
    rule_value = forms.CharField(
        label=gettext_lazy("Value"), required=False, help_text=gettext_lazy("Several with commas between.")
    )
    rule_metric = forms.ChoiceField(
        label=gettext_lazy("What of their orders"),
        required=False,
        choices=(("count", gettext_lazy("how many")), ("sum", gettext_lazy("worth in all"))),
    )
    rule_orders_op = forms.ChoiceField(
        label=gettext_lazy("Compared"),
        required=False,
        choices=(
            (">=", gettext_lazy("at least")),
            ("<=", gettext_lazy("at most")),
            ("=", gettext_lazy("exactly")),
            (">", gettext_lazy("more than")),
            ("<", gettext_lazy("less than")),
        ),
    )
    rule_orders_value = forms.FloatField(label=gettext_lazy("Value"), required=False)
    rule_orders_days = forms.IntegerField(
        label=gettext_lazy("In the last days"), required=False, min_value=1, help_text=gettext_lazy("Empty for ever.")
    )
    rule_topic = forms.ChoiceField(label=gettext_lazy("Topic"), required=False)
    rule_topic_is = forms.ChoiceField(
        label=gettext_lazy("They"),
        required=False,
        choices=tuple(
            zip(
                STATES,
                (
                    gettext_lazy("follow it"),
                    gettext_lazy("do not follow it"),
                    gettext_lazy("have yet to confirm"),
                    gettext_lazy("left it"),
                ),
                strict=True,
            )
        ),
    )
    rule_list = forms.ChoiceField(label=gettext_lazy("List"), required=False)
    rule_list_is = forms.ChoiceField(
        label=gettext_lazy("They are"),
        required=False,
        choices=(("in", gettext_lazy("on it")), ("not_in", gettext_lazy("not on it"))),
    )
    rule_segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    rule_trigger = forms.CharField(
        label=gettext_lazy("Of what brought them in"),
        required=False,
        help_text=gettext_lazy("Such as total, the worth of the cart or the order."),
    )
    rule_trigger_op = forms.ChoiceField(
        label=gettext_lazy("Compared"),
        required=False,
        choices=(
            (">", gettext_lazy("more than")),
            (">=", gettext_lazy("at least")),
            ("<", gettext_lazy("less than")),
            ("<=", gettext_lazy("at most")),
            ("is", gettext_lazy("is")),
            ("is_not", gettext_lazy("is not")),
        ),
    )
    rule_trigger_value = forms.CharField(label=gettext_lazy("Value"), required=False)
    rule_json = Json(
        label=gettext_lazy("Rule as JSON"),
        required=False,
        help_text=gettext_lazy("For several rules at once; the sentence below says how it is understood."),
    )

    parts = (
        ("attr", ("rule_attr", "rule_op", "rule_value")),
        ("orders", ("rule_metric", "rule_orders_op", "rule_orders_value", "rule_orders_days")),
        ("topic", ("rule_topic", "rule_topic_is")),
        ("list", ("rule_list", "rule_list_is")),
        ("segment", ("rule_segment",)),
        ("trigger", ("rule_trigger", "rule_trigger_op", "rule_trigger_value")),
        ("json", ("rule_json",)),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vocabulary = Vocabulary.of()
        none = () if self.rule_required else (("", _("Nobody is asked")),)
        self._choose(
            "rule_kind",
            [
                *none,
                ("attr", _("What is known of them")),
                ("orders", _("What they ordered")),
                ("topic", _("A topic they follow")),
                ("list", _("A list they are on")),
                ("segment", _("A segment they are in")),
                *([("trigger", _("What brought them in"))] if kinds.by_key("trigger") else []),
                ("json", _("Several rules, as JSON")),
            ],
        )
        self._choose("rule_attr", [(key, field.label) for key, field in self.vocabulary.fields.items()])
        known = dict.fromkeys(op for ops in OPERATORS.values() for op in ops)
        self._choose("rule_op", [(op, operator_words(op)) for op in known])
        self._choose("rule_topic", list(Topic.objects.values_list("key", "name")))
        self._choose("rule_list", [(str(uuid), name) for uuid, name in StaticList.objects.values_list("uuid", "name")])
        self._choose("rule_segment", [(str(uuid), name) for uuid, name in Segment.objects.values_list("uuid", "name")])

    def _choose(self, field: str, choices: list[tuple[Any, Any]]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]

    @property
    def rule_parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each kind of question, for the page to show those of the chosen one."""
        return [(kind, [self[name] for name in names]) for kind, names in self.parts]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self.said: dict[str, Any] | None = None
        if self.errors:
            return data
        try:
            rule = self._built(data)
            if rule is not None:
                parse(rule, vocabulary=self.vocabulary)
            elif self.rule_required:
                self.add_error("rule_json" if data.get("rule_kind") == "json" else "rule_kind", _("Ask something."))
            self.said = rule
        except RuleError as error:
            where = {
                "json": "rule_json",
                "attr": "rule_value",
                "orders": "rule_orders_value",
                "trigger": "rule_trigger_value",
            }
            kind = data.get("rule_kind", "")
            self.add_error(where.get(kind, f"rule_{kind}"), str(error) if kind == "json" else error.message)
        return data

    def rule(self) -> dict[str, Any] | None:
        """The rule as JSON, read and found to make sense."""
        return self.said

    def _built(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        match data.get("rule_kind"):
            case "attr":
                return self._attribute(data)
            case "orders":
                body = {"metric": data["rule_metric"], "op": data["rule_orders_op"], "value": data["rule_orders_value"]}
                if body["value"] is None:
                    raise RuleError("value", _("Say with what it is compared."))
                if float(body["value"]).is_integer():
                    body["value"] = int(body["value"])
                if data.get("rule_orders_days"):
                    body["window"] = {"last": [data["rule_orders_days"], "days"]}
                return {"orders": body}
            case "topic":
                return {"topic": data["rule_topic"], "is": data["rule_topic_is"]}
            case "list":
                return {"list": data["rule_list"], "is": data["rule_list_is"]}
            case "segment":
                return {"segment": data["rule_segment"]}
            case "trigger":
                return {
                    "trigger": data["rule_trigger"],
                    "op": data["rule_trigger_op"],
                    "value": _number(data["rule_trigger_value"]),
                }
            case "json":
                rule = data.get("rule_json")
                if rule is not None and not isinstance(rule, dict):
                    raise RuleError("", _("Expected a rule."))
                return rule
        return None

    def _attribute(self, data: Mapping[str, Any]) -> dict[str, Any]:
        rule = {"attr": data["rule_attr"], "op": data["rule_op"]}
        if rule["op"] in VALUELESS:
            return rule
        kind = self.vocabulary.fields[rule["attr"]].type
        words = (
            [word.strip() for word in data["rule_value"].split(",")] if rule["op"] in LISTS else [data["rule_value"]]
        )
        values = [_typed(word, kind) for word in words]
        return {**rule, "value": values if rule["op"] in LISTS else values[0]}


def rule_initial(rule: Any) -> dict[str, Any]:
    """What the fields of the small form say for a rule; as JSON when they cannot say it."""
    if not rule:
        return {"rule_kind": ""}
    match _single(rule):
        case {"attr": attr, "op": op, **rest} if set(rest) <= {"value"}:
            value = rest.get("value", "")
            text = ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)
            return {"rule_kind": "attr", "rule_attr": attr, "rule_op": op, "rule_value": text}
        case {"orders": {"metric": ("count" | "sum") as metric, "op": op, "value": value, **rest}} if (
            set(rest) <= {"window"} and not isinstance(value, list) and (not rest or _days(rest["window"]))
        ):
            return {
                "rule_kind": "orders",
                "rule_metric": metric,
                "rule_orders_op": op,
                "rule_orders_value": value,
                "rule_orders_days": _days(rest["window"]) if rest else None,
            }
        case {"topic": topic, "is": stands, **rest} if not rest:
            return {"rule_kind": "topic", "rule_topic": topic, "rule_topic_is": stands}
        case {"list": listed, "is": stands, **rest} if not rest:
            return {"rule_kind": "list", "rule_list": listed, "rule_list_is": stands}
        case {"segment": segment, **rest} if not rest:
            return {"rule_kind": "segment", "rule_segment": segment}
        case {"trigger": field, "op": op, "value": value, **rest} if not rest and not isinstance(value, list):
            return {
                "rule_kind": "trigger",
                "rule_trigger": field,
                "rule_trigger_op": op,
                "rule_trigger_value": _text(value),
            }
    return {"rule_kind": "json", "rule_json": rule}


def _single(rule: Any) -> Any:
    """The one leaf of a rule, whether or not it stands in a group of its own; otherwise the rule."""
    if (
        isinstance(rule, dict)
        and set(rule) <= {"v", "all"}
        and isinstance(rule.get("all"), list)
        and len(rule["all"]) == 1
    ):
        return rule["all"][0]
    return rule


def _days(window: Any) -> int | None:
    match window:
        case {"last": [int(count), "days"], **rest} if not rest:
            return count
    return None


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _typed(text: str, kind: str) -> Any:
    """What somebody typed as the type of the field; what does not fit stays text, for the rule to say what is wrong."""
    if kind == "bool" and text.lower() in ("true", "yes", "false", "no"):
        return text.lower() in ("true", "yes")
    return _number(text) if kind in ("int", "age", "decimal") else text


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
