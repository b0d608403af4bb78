"""What a person may choose in the preference centre, all of it or, with an older link, what makes for less."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.consent.forms import profile
from segments.consent.models import Subscription, SubscriptionState, Topic
from segments.consent.types import Choices
from segments.subscribers.models import Rhythm, Subscriber

PAUSES = (30, 60, 90)
_LONGEST_KEYS = 5000
# In the few words that a button has room for.
_RHYTHMS = {Rhythm.ANY: gettext_lazy("As it comes"), Rhythm.WEEKLY: gettext_lazy("Weekly at most")}


@dataclass(frozen=True)
class TopicLine:
    """A topic as the page shows it: what it is, whether the person follows it, and whether that waits for a mail."""

    topic: Topic
    checked: bool
    waiting: bool


class PreferencesForm(forms.Form):
    """``was`` holds the keys that were on when the page was made: only what the person switched is done."""

    topics = forms.MultipleChoiceField(required=False)
    was = forms.CharField(required=False, max_length=_LONGEST_KEYS, widget=forms.HiddenInput)
    rhythm = forms.ChoiceField(
        label=gettext_lazy("How often"), required=False, choices=list(_RHYTHMS.items()), widget=forms.RadioSelect
    )
    pause = forms.ChoiceField(label=gettext_lazy("Need a break?"), required=False, widget=forms.RadioSelect)
    tracking = forms.BooleanField(label=gettext_lazy("Notice what you open and click"), required=False)

    def __init__(
        self,
        person: Subscriber,
        *,
        fresh: bool,
        tracked: bool,
        paused_until: dt.datetime | None,
        data: QueryDict | None = None,
    ) -> None:
        standing = {row.topic_id: row.state for row in Subscription.objects.filter(subscriber=person)}
        following = {pk for pk, state in standing.items() if state == SubscriptionState.SUBSCRIBED}
        listed = [topic for topic in Topic.objects.all() if topic.pk in following or (fresh and topic.visible)]
        questions = profile.questions([name for name, _label in profile.askable()], person) if fresh else {}
        super().__init__(
            data,
            auto_id="choose_%s",
            initial={
                "was": " ".join(topic.key for topic in listed if topic.pk in following),
                "rhythm": person.rhythm,
                "pause": "",
                "tracking": tracked,
                **profile.initial(person, questions),
            },
        )
        self.person = person
        self.fresh = fresh
        self.listed = listed
        self.standing = standing
        self.asked = questions
        self.fields |= questions
        self._field("topics").choices = [(topic.key, topic.name) for topic in listed]
        self._field("pause").choices = [
            ("", _("Stay paused") if paused_until else _("No break")),
            *((str(days), _("%d days") % days) for days in PAUSES),
            *([("0", _("Start again now"))] if paused_until and fresh else []),
        ]
        if not fresh and person.rhythm:
            self._field("rhythm").choices = [(person.rhythm, _RHYTHMS[Rhythm(person.rhythm)])]

    def _field(self, name: str) -> Any:
        return self.fields[name]

    @property
    def lines(self) -> Sequence[TopicLine]:
        """The topics to choose from, as chosen or as stored."""
        chosen = self.data.getlist("topics") if isinstance(self.data, QueryDict) and self.is_bound else None
        return [
            TopicLine(
                topic,
                topic.key in chosen if chosen is not None else self._state(topic) == SubscriptionState.SUBSCRIBED,
                self._state(topic) == SubscriptionState.PENDING,
            )
            for topic in self.listed
        ]

    def _state(self, topic: Topic) -> str:
        return self.standing.get(topic.pk, "")

    @property
    def profile_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.asked]

    def choices(self) -> Choices:
        """What the person changed, compared with what the page showed them."""
        wanted = self.cleaned_data
        on, was = set(wanted["topics"]), set(wanted["was"].split())
        changed = set(self.changed_data)
        return Choices(
            join=frozenset(on - was),
            leave=frozenset(was - on),
            pause_days=int(wanted["pause"]) if wanted["pause"] else None,
            rhythm=wanted["rhythm"] if "rhythm" in changed else None,
            tracking=wanted["tracking"] if "tracking" in changed else None,
            profile=profile.answers({name: wanted[name] for name in self.asked if name in changed}, blanks=True),
        )
