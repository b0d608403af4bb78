"""Rules about static lists: ``{"list": "<uuid>", "is": "in"}``; who is on a list is asked as of now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import ListRule
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.models import ListMember

PLACES = ("in", "not_in")


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> ListRule:
    reading.table(raw, path, required=["list", "is"])
    here = at(path, "list")
    uuid = reading.identifier(raw["list"], here)
    name = vocabulary.static_list(uuid)
    if name is None:
        raise RuleError(here, _("There is no such list."))
    return ListRule(uuid, name, reading.choice(raw["is"], at(path, "is"), PLACES) == "in")


def _compile(rule: ListRule, scope: Scope) -> Q:
    on_it = scope.has(ListMember.objects.filter(list__uuid=rule.uuid))
    return on_it if rule.inside else ~on_it


def _phrase(rule: ListRule) -> Phrase:
    operator = _("has on it") if rule.inside else _("does not have on it")
    clause = _("who are on the list ‘%(name)s’") if rule.inside else _("who are not on the list ‘%(name)s’")
    return Phrase(_("List"), operator, rule.name, clause % {"name": rule.name})


KIND = Kind("list", ListRule, _parse, _compile, _phrase)
