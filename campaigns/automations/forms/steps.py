"""One form for each kind of step. ``says()`` is what the step's JSON then says beside its id and its ways on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations import words
from campaigns.automations.forms.parts import DurationField, Json, TimeOfDay
from campaigns.automations.models import Endpoint
from personalize.content.models import Template
from segments.consent.models import Topic
from segments.segmentation.builder.fields import RuleField
from segments.subscribers.models import AttributeDefinition, StaticList

Body = Mapping[str, Any]
MOST_WAYS = 5


class StepForm(forms.Form):
    """What every step has: a name of one's own. ``pairs`` are fields that stand side by side, ``seldom`` those that few need."""

    pairs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    seldom: ClassVar[tuple[str, ...]] = ()
    usual: ClassVar[tuple[Any, ...]] = (None, "", "person", "here", "any", [])
    name = forms.CharField(
        max_length=80, required=False, label=gettext_lazy("Called"), help_text=gettext_lazy("Optional. For your team.")
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        """The fields for a step's JSON."""
        return dict(body)

    def says(self) -> dict[str, Any]:
        """The step's JSON without what was left empty."""
        return {key: value for key, value in self.cleaned_data.items() if value not in (None, "", [])}

    def groups(self) -> list[list[forms.BoundField]]:
        """The fields as they stand: alone or in pairs, without those few need."""
        return self._grouped(lambda name: name not in (*self.seldom, "name"))

    def more(self) -> list[list[forms.BoundField]]:
        """The fields few need, the name last."""
        return [*self._grouped(lambda name: name in self.seldom), [self["name"]]]

    @property
    def more_open(self) -> bool:
        """Whether a field few need says something, or is wrong."""
        names = (*self.seldom, "name")
        return any(self[name].errors or self.initial.get(name) not in self.usual for name in names)

    def _grouped(self, wanted: Callable[[str], bool]) -> list[list[forms.BoundField]]:
        later = {name for pair in self.pairs for name in pair[1:]}
        first = {pair[0]: pair for pair in self.pairs}
        names = [field.name for field in self if wanted(field.name) and field.name not in later]
        return [[self[one] for one in first.get(name, (name,))] for name in names]


class MailForm(StepForm):
    pairs = (("window_from", "window_to", "otherwise"), ("late", "minimum"))
    seldom = ("window_zone", "late", "minimum")
    template = forms.ModelChoiceField(
        Template.objects.filter(key__isnull=True), label=gettext_lazy("Template"), to_field_name="uuid", required=False
    )
    window_from = TimeOfDay(label=gettext_lazy("May go out"), required=False)
    window_to = TimeOfDay(label=gettext_lazy("Until"), required=False)
    otherwise = forms.ChoiceField(
        label=gettext_lazy("Otherwise"),
        required=False,
        choices=(("wait", gettext_lazy("Wait")), ("skip", gettext_lazy("Leave it out"))),
    )
    window_zone = forms.ChoiceField(
        label=gettext_lazy("By the clock of"),
        required=False,
        choices=(("person", gettext_lazy("The person")), ("brand", gettext_lazy("The shop"))),
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Before it goes out"),
        required=False,
        widget=forms.RadioSelect,
        choices=(
            ("draft", gettext_lazy("Draft")),
            ("review", gettext_lazy("Ask me")),
            ("live", gettext_lazy("Send")),
        ),
    )
    late = DurationField(
        label=gettext_lazy("Too late after"), required=False, help_text=gettext_lazy("Empty for 24 hours.")
    )
    minimum = forms.FloatField(
        label=gettext_lazy("Worth at least"), required=False, min_value=0, help_text=gettext_lazy("Of a cart.")
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        said = body.get("window")
        window: Body = said if isinstance(said, dict) else {}
        return {
            **body,
            "mode": body.get("mode", "live"),
            "window_from": window.get("from"),
            "window_to": window.get("to"),
            "otherwise": window.get("otherwise", "wait"),
            "window_zone": window.get("zone", "person"),
            "window_days": window.get("days"),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("window_from")) != bool(data.get("window_to")) and not self.errors:
            missing = "window_to" if data.get("window_from") else "window_from"
            self.add_error(missing, _("Give both times, or neither."))
        elif data.get("window_from") and data["window_from"] == data.get("window_to"):
            self.add_error("window_to", _("The window is empty: it ends when it begins."))
        return data

    def says(self) -> dict[str, Any]:
        data = self.cleaned_data
        said: dict[str, Any] = {"mode": data["mode"] or "live"}
        said["template"] = str(data["template"].uuid) if data["template"] else ""
        if data["window_from"]:
            said["window"] = {
                "from": data["window_from"],
                "to": data["window_to"],
                "otherwise": data["otherwise"] or "wait",
                "zone": data["window_zone"] or "person",
            }
            if self.initial.get("window_days"):
                said["window"]["days"] = self.initial["window_days"]
        return {**said, **{key: data[key] for key in ("name", "late", "minimum") if data.get(key) not in (None, "")}}


class WaitForm(StepForm):
    seldom = ("since", "most")
    length = DurationField(label=gettext_lazy("Wait"))
    since = forms.ChoiceField(
        label=gettext_lazy("Counted from"),
        required=False,
        choices=(
            ("here", gettext_lazy("coming here")),
            ("activity", gettext_lazy("the last change of the cart")),
        ),
    )
    most = DurationField(
        label=gettext_lazy("At most"), required=False, help_text=gettext_lazy("Since the start, where it begins anew.")
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        return {**body, "length": body.get("for")}

    def says(self) -> dict[str, Any]:
        said = super().says()
        said["for"] = said.pop("length")
        return said


def _weekdays() -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=gettext_lazy("On"),
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(number, words.weekday(number)) for number in range(1, 8)],
        help_text=gettext_lazy("None ticked: on any day."),
    )


class WaitTimeForm(StepForm):
    at = TimeOfDay(label=gettext_lazy("Until, where they live"))
    days = _weekdays()


def date_fields() -> list[tuple[str, Any]]:
    """What dates of a person there are, for a choice."""
    own = AttributeDefinition.objects.filter(type__in=("date", "datetime")).values_list("key", "label")
    return [("birthday", _("birthday")), *own]


class WaitDateForm(StepForm):
    pairs = (("offset", "at"),)
    field = forms.ChoiceField(label=gettext_lazy("Until their"), choices=date_fields)
    offset = forms.IntegerField(
        label=gettext_lazy("Days after"),
        required=False,
        min_value=-366,
        max_value=366,
        help_text=gettext_lazy("Below zero: before it."),
    )
    at = TimeOfDay(label=gettext_lazy("At"), required=False)


def event_names(text: str) -> list[str]:
    """Names of events with commas between."""
    return [name for part in text.split(",") if (name := part.strip())]


def names_text(event: Any) -> str:
    """Names of events as they are typed."""
    return ", ".join(map(str, event)) if isinstance(event, list) else str(event or "")


EVENT = {"list": "event-names", "autocomplete": "off", "spellcheck": "false"}
ABOUT = (
    ("any", gettext_lazy("anything")),
    ("same", gettext_lazy("the same cart or order")),
    ("shared", gettext_lazy("a product it is about")),
)


class WaitForForm(StepForm):
    seldom = ("about", "where", "rule")
    event = forms.CharField(
        label=gettext_lazy("Until this happens"),
        required=False,
        widget=forms.TextInput(attrs=EVENT),
        help_text=gettext_lazy("Such as order_placed; several with commas between."),
    )
    about = forms.ChoiceField(label=gettext_lazy("About"), required=False, choices=ABOUT)
    most = DurationField(label=gettext_lazy("At most"))
    where = Json(label=gettext_lazy("Only events like this, as JSON"), required=False)
    rule = RuleField(
        label=gettext_lazy("Or until this holds"),
        required=False,
        allow_trigger=True,
        help_text=gettext_lazy("Leave the event empty then."),
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        return {**body, "event": names_text(body.get("event"))}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and bool(data.get("event")) == bool(data.get("rule")):
            self.add_error("event", _("Wait either for an event or for a rule."))
        return data

    def says(self) -> dict[str, Any]:
        said = super().says()
        if "rule" in said:
            return {key: said[key] for key in ("name", "rule", "most") if key in said}
        return {**said, "event": event_names(said["event"])}


class BranchForm(StepForm):
    rule = RuleField(label=gettext_lazy("The question"), allow_trigger=True)


class SplitForm(StepForm):
    pairs = (("share1", "share2"), ("share3", "share4", "share5"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, MOST_WAYS + 1):
            self.fields[f"share{number}"] = forms.IntegerField(
                label=_("Way %(n)s, %%") % {"n": number},
                required=number <= 2,
                min_value=0,
                max_value=100,
            )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        ways = [way for way in body.get("ways") or [] if isinstance(way, dict)]
        return {**body, **{f"share{number}": way.get("share") for number, way in enumerate(ways, start=1)}}

    def _shares(self) -> list[int]:
        found = (self.cleaned_data.get(f"share{number}") for number in range(1, MOST_WAYS + 1))
        return [share for share in found if share is not None]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and sum(self._shares()) != 100:
            self.add_error("share1", _("The shares sum up to %(sum)s, not to 100.") % {"sum": sum(self._shares())})
        return data

    def says(self) -> dict[str, Any]:
        said: dict[str, Any] = {"ways": [{"share": share} for share in self._shares()]}
        return {**said, "name": self.cleaned_data["name"]} if self.cleaned_data["name"] else said


class Scalar(forms.CharField):
    """A number, true, false, or else the words as they stand; None when it is left out."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text) if text else None
        except ValueError:
            return text


class SetForm(StepForm):
    attribute = forms.ChoiceField(
        label=gettext_lazy("Attribute"), choices=lambda: list(AttributeDefinition.objects.values_list("key", "label"))
    )
    value = Scalar(
        label=gettext_lazy("Value"),
        required=False,
        help_text=gettext_lazy("A number, true or false, or a text. Empty removes it."),
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        return {**body, "value": body.get("value")}

    def says(self) -> dict[str, Any]:
        return {**super().says(), "value": self.cleaned_data.get("value")}


class ListForm(StepForm):
    list = forms.ModelChoiceField(StaticList.objects.all(), label=gettext_lazy("List"), to_field_name="uuid")
    on = forms.TypedChoiceField(
        label=gettext_lazy("What to do"),
        coerce=lambda value: value == "True",
        choices=((True, gettext_lazy("Put them on it")), (False, gettext_lazy("Take them off it"))),
    )

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        return {**body, "on": body.get("on", True)}

    def says(self) -> dict[str, Any]:
        return {**super().says(), "list": str(self.cleaned_data["list"].uuid), "on": self.cleaned_data["on"]}


class TopicForm(StepForm):
    topic = forms.ModelChoiceField(Topic.objects.all(), label=gettext_lazy("Topic"), to_field_name="key")

    def says(self) -> dict[str, Any]:
        return {**super().says(), "topic": self.cleaned_data["topic"].key}


class WebhookForm(StepForm):
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.all(),
        label=gettext_lazy("Tell"),
        to_field_name="uuid",
        help_text=gettext_lazy("Added in Settings, Endpoints."),
    )

    def says(self) -> dict[str, Any]:
        return {**super().says(), "endpoint": str(self.cleaned_data["endpoint"].uuid)}


class NotifyForm(StepForm):
    to = forms.CharField(label=gettext_lazy("Whom"), help_text=gettext_lazy("Addresses with commas between."))
    text = forms.CharField(label=gettext_lazy("What"), widget=forms.Textarea(attrs={"rows": 3}))

    @classmethod
    def initial_of(cls, body: Body) -> dict[str, Any]:
        return {**body, "to": names_text(body.get("to"))}

    def clean_to(self) -> list[str]:
        addresses = event_names(self.cleaned_data["to"])
        for address in addresses:
            forms.EmailField().clean(address)
        return addresses


class ExitForm(StepForm):
    reason = forms.RegexField(
        r"^[a-z][a-z0-9_]{0,39}$",
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("A word for your figures, in small letters, such as bought."),
    )


FORMS: dict[str, type[StepForm]] = {
    "mail": MailForm,
    "wait": WaitForm,
    "wait_time": WaitTimeForm,
    "wait_date": WaitDateForm,
    "wait_for": WaitForForm,
    "branch": BranchForm,
    "split": SplitForm,
    "set": SetForm,
    "list": ListForm,
    "topic": TopicForm,
    "webhook": WebhookForm,
    "notify": NotifyForm,
    "exit": ExitForm,
}

FRESH: dict[str, dict[str, Any]] = {
    "mail": {"template": "", "mode": "live"},
    "wait": {"for": [1, "days"]},
    "wait_time": {"at": "09:00"},
    "wait_date": {"field": "birthday"},
    "wait_for": {"event": ["order_placed"], "most": [3, "days"]},
    "branch": {"rule": {"orders": {"metric": "count", "op": ">=", "value": 1}}},
    "split": {"ways": [{"share": 50}, {"share": 50}]},
    "set": {"attribute": "", "value": None},
    "list": {"list": ""},
    "topic": {"topic": ""},
    "webhook": {"endpoint": ""},
    "notify": {"to": [], "text": ""},
    "exit": {"reason": "enough"},
}
"""What a step says when it is new: what holds for most, and nothing where only a person can choose."""
