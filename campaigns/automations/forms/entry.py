"""Forms about an automation as a whole: a new one, who comes in and when again, and what ends it for somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.forms.parts import DurationField, Json, TimeOfDay
from campaigns.automations.forms.steps import ABOUT, EVENT, date_fields, event_names, names_text
from campaigns.automations.models import Automation
from campaigns.delivery.models import Sender
from segments.consent.models import Topic, TopicKind
from segments.segmentation.builder.fields import RuleField
from segments.segmentation.models import Segment

Body = Mapping[str, Any]


def taken(name: str, automation: Automation | None) -> bool:
    """Whether another automation has this name."""
    others = Automation.objects.exclude(pk=automation.pk) if automation else Automation.objects.all()
    return others.filter(name=name).exists()


class NewForm(forms.Form):
    """An automation that says nothing yet."""

    name = forms.CharField(
        max_length=120, label=gettext_lazy("Name"), help_text=gettext_lazy("Only your team sees it.")
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if taken(name, None):
            raise forms.ValidationError(_("There is an automation of this name already."))
        return name


class SettingsForm(forms.Form):
    """What it is called, and what holds for its mails."""

    name = forms.CharField(max_length=120, label=gettext_lazy("Name"))
    description = forms.CharField(max_length=255, required=False, label=gettext_lazy("What it is for"))
    topic = forms.ModelChoiceField(
        Topic.objects.filter(kind=TopicKind.MARKETING),
        required=False,
        label=gettext_lazy("Topic of its mails"),
        help_text=gettext_lazy("Only people who follow it come in."),
    )
    sender = forms.ModelChoiceField(Sender.objects.all(), required=False, label=gettext_lazy("From"))
    priority = forms.IntegerField(
        min_value=0,
        max_value=100,
        label=gettext_lazy("Goes before others"),
        help_text=gettext_lazy("0 to 100. The higher one gets the last place under a limit."),
    )

    def __init__(self, *args: Any, automation: Automation, **kwargs: Any) -> None:
        fields = ("name", "description", "topic", "sender", "priority")
        kwargs.setdefault("initial", {name: getattr(automation, name) for name in fields})
        super().__init__(*args, **kwargs)
        self.automation = automation

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if taken(name, self.automation):
            raise forms.ValidationError(_("There is an automation of this name already."))
        return name


class TriggerForm(forms.Form):
    """What brings people in. ``says()`` is the trigger's JSON."""

    prefix = "trigger"
    on = forms.ChoiceField(
        label=gettext_lazy("People come in"),
        choices=(
            ("event", gettext_lazy("when something happens")),
            ("order", gettext_lazy("when an order gets somewhere")),
            ("subscribed", gettext_lazy("when they subscribe")),
            ("joined", gettext_lazy("when they join a segment")),
            ("left", gettext_lazy("when they leave a segment")),
            ("date", gettext_lazy("on a date of theirs")),
            ("quiet", gettext_lazy("when it gets quiet")),
            ("call", gettext_lazy("when you put them in, or the API")),
        ),
    )
    event = forms.CharField(label=gettext_lazy("What happens"), required=False, widget=forms.TextInput(attrs=EVENT))
    key = forms.ChoiceField(
        label=gettext_lazy("Once for each"),
        required=False,
        choices=(
            ("subject", gettext_lazy("cart, product or whatever it is about")),
            ("event", gettext_lazy("time it happens")),
            ("person", gettext_lazy("person")),
        ),
    )
    where = Json(label=gettext_lazy("Only events like this, as JSON"), required=False)
    status = forms.ChoiceField(
        label=gettext_lazy("The order is"),
        required=False,
        choices=(
            ("placed", gettext_lazy("placed")),
            ("paid", gettext_lazy("paid")),
            ("fulfilled", gettext_lazy("sent out")),
            ("delivered", gettext_lazy("delivered")),
            ("cancelled", gettext_lazy("cancelled")),
            ("refunded", gettext_lazy("refunded")),
        ),
    )
    topic = forms.ModelChoiceField(
        Topic.objects.all(),
        label=gettext_lazy("To"),
        required=False,
        to_field_name="key",
        empty_label=gettext_lazy("any topic"),
    )
    segment = forms.ModelChoiceField(
        Segment.objects.all(), label=gettext_lazy("Segment"), required=False, to_field_name="uuid"
    )
    field = forms.ChoiceField(label=gettext_lazy("Date"), required=False, choices=date_fields)
    every = forms.ChoiceField(
        label=gettext_lazy("How often"),
        required=False,
        choices=(("year", gettext_lazy("each year")), ("once", gettext_lazy("once"))),
    )
    offset = forms.IntegerField(
        label=gettext_lazy("Days after"),
        required=False,
        min_value=-366,
        max_value=366,
        help_text=gettext_lazy("Below zero: before it."),
    )
    at = TimeOfDay(label=gettext_lazy("At, where they live"), required=False)
    feb29 = forms.ChoiceField(
        label=gettext_lazy("29 February in other years"),
        required=False,
        choices=(
            ("feb28", gettext_lazy("on 28 February")),
            ("mar01", gettext_lazy("on 1 March")),
            ("leap_only", gettext_lazy("not at all")),
        ),
    )
    what = forms.ChoiceField(
        label=gettext_lazy("There is"),
        required=False,
        choices=(
            ("orders", gettext_lazy("no order")),
            ("clicks", gettext_lazy("no click")),
            ("both", gettext_lazy("neither order nor click")),
        ),
    )
    after = DurationField(label=gettext_lazy("For"), required=False)
    late = DurationField(
        label=gettext_lazy("Too late after"),
        required=False,
        help_text=gettext_lazy("News older than this bring nobody in. Empty for the usual."),
    )

    parts = (
        ("event", ("event", "key")),
        ("order", ("status",)),
        ("subscribed", ("topic",)),
        ("joined left", ("segment",)),
        ("date", ("field", "every", "offset", "at", "feb29")),
        ("quiet", ("what", "after")),
    )
    keys: Mapping[str, tuple[str, ...]] = {
        "event": ("event", "key", "where", "late"),
        "order": ("status", "where", "late"),
        "subscribed": ("topic", "late"),
        "joined": ("segment", "late"),
        "left": ("segment", "late"),
        "date": ("field", "every", "offset", "at", "feb29", "late"),
        "quiet": ("what", "after", "late"),
        "call": (),
    }
    needed: Mapping[str, str] = {"event": "event", "joined": "segment", "left": "segment", "quiet": "after"}

    @classmethod
    def initial_of(cls, trigger: Any) -> dict[str, Any]:
        """The fields for a trigger's JSON."""
        return {**trigger, "event": names_text(trigger.get("event"))} if isinstance(trigger, dict) else {"on": "call"}

    @property
    def shown_parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each kind, for the page to show those of the chosen one."""
        return [(kinds, [self[name] for name in names]) for kinds, names in self.parts]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        need = self.needed.get(data.get("on", ""))
        if need and not data.get(need) and need not in self.errors:
            self.add_error(need, _("This is needed to know who comes in."))
        return data

    def says(self) -> dict[str, Any]:
        """The trigger as JSON, without what was left empty."""
        data = self.cleaned_data
        said: dict[str, Any] = {"on": data["on"]}
        for key in self.keys[data["on"]]:
            value = data.get(key)
            if value in (None, "", []):
                continue
            if key == "event":
                names = event_names(value)
                value = names[0] if len(names) == 1 else names
            said[key] = (
                value.key if isinstance(value, Topic) else str(value.uuid) if isinstance(value, Segment) else value
            )
        return said


class EntryForm(forms.Form):
    """Who of them comes in, and when again. ``says()`` is the entry's JSON; ``flags()`` what else is said at the top."""

    prefix = "entry"
    again = forms.ChoiceField(
        label=gettext_lazy("The same person again"),
        choices=(
            ("once_per_key", gettext_lazy("once for each cart, order or year")),
            ("once", gettext_lazy("never")),
            ("after_exit", gettext_lazy("when they are through")),
            ("always", gettext_lazy("every time")),
        ),
    )
    cooldown = DurationField(label=gettext_lazy("But not before"), required=False)
    cooldown_from = forms.ChoiceField(
        label=gettext_lazy("Counted from"),
        required=False,
        choices=(
            ("last_message", gettext_lazy("its last mail")),
            ("entry", gettext_lazy("coming in")),
            ("exit", gettext_lazy("the end")),
        ),
    )
    no_order_since = DurationField(
        label=gettext_lazy("Not if they ordered within"), required=False, help_text=gettext_lazy("Before it, or since.")
    )
    gives_way_to = forms.CharField(
        label=gettext_lazy("Gives way to"),
        required=False,
        help_text=gettext_lazy("Recipes with commas between, such as abandoned_cart."),
    )
    rule = RuleField(label=gettext_lazy("Only people of whom this holds"), required=False, allow_trigger=True)
    one_at_a_time = forms.BooleanField(
        label=gettext_lazy("Only the newest of several carts is mailed about"), required=False
    )
    guarded = forms.BooleanField(label=gettext_lazy("Hold mails while news from the shop are late"), required=False)

    @classmethod
    def initial_of(cls, draft: Body) -> dict[str, Any]:
        """The fields for a draft."""
        entry = draft.get("entry")
        found = dict(entry) if isinstance(entry, dict) else {}
        return {
            **found,
            "gives_way_to": names_text(found.get("gives_way_to")),
            "one_at_a_time": draft.get("one_at_a_time", False),
            "guarded": draft.get("guarded", False),
        }

    def says(self) -> dict[str, Any]:
        """The entry as JSON."""
        data = self.cleaned_data
        said = {
            key: data[key]
            for key in ("rule", "again", "cooldown", "cooldown_from", "no_order_since")
            if data.get(key) not in (None, "", [])
        }
        names = event_names(data["gives_way_to"])
        return {**said, "gives_way_to": names} if names else said

    def flags(self) -> dict[str, bool]:
        """What holds for the automation as a whole."""
        return {key: self.cleaned_data[key] for key in ("one_at_a_time", "guarded")}


class ExitRuleForm(forms.Form):
    """Something that ends it for somebody at once: an event, or a rule that holds."""

    event = forms.CharField(
        label=gettext_lazy("When this happens"), required=False, widget=forms.TextInput(attrs=EVENT)
    )
    about = forms.ChoiceField(label=gettext_lazy("About"), required=False, choices=ABOUT)
    reason = forms.RegexField(
        r"^[a-z][a-z0-9_]{0,39}$",
        label=gettext_lazy("Reason in your figures"),
        required=False,
        error_messages={"invalid": gettext_lazy("A word in small letters, such as order.")},
    )
    where = Json(label=gettext_lazy("Only events like this, as JSON"), required=False)
    rule = RuleField(label=gettext_lazy("Or when this holds"), required=False, allow_trigger=True)
    back = forms.JSONField(required=False, widget=forms.HiddenInput)

    @classmethod
    def initial_of(cls, exit: Body) -> dict[str, Any]:
        """The fields for one exit's JSON."""
        return {**exit, "event": names_text(exit.get("event"))}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors or not self.has_changed():
            return data
        if data.get("event") and data.get("rule"):
            self.add_error("event", _("Either something happens or a rule holds: give one of them."))
        if (data.get("event") or data.get("rule")) and not data.get("reason"):
            self.add_error("reason", _("Name the reason, for your figures."))
        return data

    def says(self) -> dict[str, Any] | None:
        """The exit as JSON; None when it is empty."""
        data = self.cleaned_data
        if data.get("rule"):
            return {"reason": data["reason"], "rule": data["rule"]}
        if not data.get("event"):
            return None
        names = event_names(data["event"])
        said: dict[str, Any] = {"event": names[0] if len(names) == 1 else names, "reason": data["reason"]}
        return {**said, **{key: data[key] for key in ("about", "where", "back") if data.get(key)}}


class _ExitRules(forms.BaseFormSet):  # type: ignore[type-arg]  # Django gives it no parameter at run time.
    """The exits, and an empty one for one more."""

    def add_fields(self, form: ExitRuleForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["DELETE"].label = _("Take it away")


ExitRules = forms.formset_factory(ExitRuleForm, formset=_ExitRules, extra=1, max_num=20, can_delete=True)
