"""Rules about topics: ``{"topic": "news", "is": "subscribed"}``; as they stand now, whatever the instant asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from segments.consent.models import Subscription, SubscriptionState
from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import TopicRule
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary

STATES = ("subscribed", "not_subscribed", "pending", "unsubscribed")


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> TopicRule:
    reading.table(raw, path, required=["topic", "is"])
    key = reading.text(raw["topic"], at(path, "topic"))
    if key not in vocabulary.topics:
        raise RuleError(at(path, "topic"), _("There is no topic ‘%(key)s’.") % {"key": key})
    return TopicRule(key, vocabulary.topics[key], reading.choice(raw["is"], at(path, "is"), STATES))


def _compile(rule: TopicRule, scope: Scope) -> Q:
    if rule.state == "not_subscribed":
        return ~_stands(rule, SubscriptionState.SUBSCRIBED, scope)
    return _stands(rule, rule.state, scope)


def _stands(rule: TopicRule, state: str, scope: Scope) -> Q:
    return scope.has(Subscription.objects.filter(topic__key=rule.key, state=state))


def _phrase(rule: TopicRule) -> Phrase:
    operator = {
        "subscribed": _("is subscribed to"),
        "not_subscribed": _("is not subscribed to"),
        "pending": _("has still to confirm"),
        "unsubscribed": _("has left"),
    }[rule.state]
    clause = {
        "subscribed": _("who are subscribed to %(topic)s"),
        "not_subscribed": _("who are not subscribed to %(topic)s"),
        "pending": _("who have still to confirm %(topic)s"),
        "unsubscribed": _("who have left %(topic)s"),
    }[rule.state]
    return Phrase(_("Topic"), operator, rule.name, clause % {"topic": rule.name})


KIND = Kind("topic", TopicRule, _parse, _compile, _phrase)
