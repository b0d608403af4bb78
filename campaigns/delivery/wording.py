"""Frequency rules in sentences, as pages say them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.models import FrequencyRule
from campaigns.delivery.types import FrequencyOtherwise, FrequencyUnit, FrequencyWindow


def sentence(rule: FrequencyRule, groups: Mapping[UUID, str]) -> str:
    """What a rule allows; ``groups`` are the names of automations, by uuid."""
    if not rule.most:
        return _("No marketing mail at all, %(scope)s.") % {"scope": _scope(rule, groups)}
    return _("At most %(mails)s %(time)s, %(scope)s.") % {
        "mails": ngettext("%(n)d marketing mail", "%(n)d marketing mails", rule.most) % {"n": rule.most},
        "time": _time(rule),
        "scope": _scope(rule, groups),
    }


def consequence(rule: FrequencyRule) -> str:
    """What becomes of a mail above the rule; empty where the rule lets nothing out."""
    if not rule.most:
        return ""
    if rule.otherwise == FrequencyOtherwise.SKIP:
        return _("What is above that is left out.")
    return ngettext(
        "What is above that waits for a place, %(n)d hour at most.",
        "What is above that waits for a place, %(n)d hours at most.",
        rule.wait_hours,
    ) % {"n": rule.wait_hours}


def _scope(rule: FrequencyRule, groups: Mapping[UUID, str]) -> str:
    owner = groups.get(rule.owner, _("an automation that is gone")) if rule.owner else ""
    if rule.topic and owner:
        return _("from ‘%(owner)s’ about ‘%(topic)s’") % {"owner": owner, "topic": rule.topic.name}
    if rule.topic:
        return _("about ‘%(topic)s’") % {"topic": rule.topic.name}
    if owner:
        return _("from ‘%(owner)s’") % {"owner": owner}
    return _("over all")


def _time(rule: FrequencyRule) -> str:
    unit, number = FrequencyUnit(rule.unit), {"n": rule.count}
    if rule.window == FrequencyWindow.CALENDAR:
        return {
            FrequencyUnit.DAY: _("on a day of the calendar"),
            FrequencyUnit.WEEK: _("in a week of the calendar"),
            FrequencyUnit.MONTH: _("in a month of the calendar"),
        }[unit]
    if unit == FrequencyUnit.HOUR:
        return ngettext("in %(n)d hour", "in %(n)d hours", rule.count) % number
    if unit == FrequencyUnit.DAY:
        return ngettext("in %(n)d day", "in %(n)d days", rule.count) % number
    if unit == FrequencyUnit.WEEK:
        return ngettext("in %(n)d week", "in %(n)d weeks", rule.count) % number
    return ngettext("in 30 days", "in %(n)d times 30 days", rule.count) % number
