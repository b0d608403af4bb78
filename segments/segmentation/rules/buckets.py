"""Rules that take a steady random share of people: ``{"bucket": {"salt": "x", "from": 0, "to": 999}}`` is a tenth.

A person's bucket is where the SHA-256 of ``salt:uuid``, read as a fraction from 0 to 1, falls among 10,000 equal parts.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import BucketRule
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import PersonHash
from segments.segmentation.rules.vocabulary import Vocabulary

BUCKETS = 10_000
_DIGITS = 13
_SPAN: int = 16**_DIGITS


def bucket_of(salt: str, person: uuid.UUID) -> int:
    """The bucket of a person, 0 to 9999, as the rule's SQL has it."""
    return int(hashlib.sha256(f"{salt}:{person}".encode()).hexdigest()[:_DIGITS], 16) * BUCKETS // _SPAN


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> BucketRule:
    reading.table(raw, path, required=["bucket"])
    path = at(path, "bucket")
    body = reading.table(raw["bucket"], path, required=["salt", "from", "to"])
    first = reading.whole(body["from"], at(path, "from"), least=0, most=BUCKETS - 1)
    last = reading.whole(body["to"], at(path, "to"), least=0, most=BUCKETS - 1)
    if first > last:
        raise RuleError(path, _("The first bucket is above the last."))
    return BucketRule(reading.text(body["salt"], at(path, "salt")), first, last)


def _compile(rule: BucketRule, scope: Scope) -> Q:
    """Compares hex digits as text, so that no engine has to turn them into a number."""
    digits = PersonHash(scope.path("uuid"), rule.salt, _DIGITS)
    low = -(-rule.first * _SPAN // BUCKETS)
    high = -(-(rule.last + 1) * _SPAN // BUCKETS) - 1
    return Q(GreaterThanOrEqual(digits, f"{low:013x}")) & Q(LessThanOrEqual(digits, f"{high:013x}"))


def _phrase(rule: BucketRule) -> Phrase:
    share = number_format((rule.last - rule.first + 1) * 100 / BUCKETS).rstrip("0").rstrip(".")
    value = _("buckets %(first)d to %(last)d of ‘%(salt)s’") % {
        "first": rule.first,
        "last": rule.last,
        "salt": rule.salt,
    }
    clause = _("who are in a steady random %(share)s%% (%(value)s)") % {"share": share, "value": value}
    return Phrase(_("Random share"), _("is"), value, clause)


KIND = Kind("bucket", BucketRule, _parse, _compile, _phrase)
