"""Rules about where people live: ``{"near": {"latitude": 51.45, "longitude": -2.59, "km": 25}}``, as the crow flies.

Distances are those on a sphere of the earth's mean radius, wrong by half a percent at most. A box around the circle, which an
index finds, leaves few people to measure. Whoever has no place is near nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.db.models import Expression, ExpressionWrapper, F, FloatField, Q, Value
from django.db.models.functions import Cos, Power, Radians, Sin
from django.db.models.lookups import LessThanOrEqual
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import NearRule
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary

RADIUS = 6371.0088
"""Of the earth, in kilometres."""

FARTHEST = 20_038
"""Half the way around the equator: nobody lives farther away."""

_MARGIN = 1e-9
"""Degrees by which the box is wider than the circle, for the last digit of a number."""


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> NearRule:
    reading.table(raw, path, required=["near"])
    path = at(path, "near")
    body = reading.table(raw["near"], path, required=["latitude", "longitude", "km"])
    return NearRule(
        _degrees(body["latitude"], at(path, "latitude"), 90),
        _degrees(body["longitude"], at(path, "longitude"), 180),
        _kilometres(body["km"], at(path, "km")),
    )


def _degrees(raw: Any, path: str, most: int) -> float:
    value = reading.number(raw, path)
    if abs(value) > most:
        raise RuleError(path, _("Expected a number from %(least)d to %(most)d.") % {"least": -most, "most": most})
    return value


def _kilometres(raw: Any, path: str) -> float:
    value = reading.number(raw, path)
    if not 0 < value <= FARTHEST:
        raise RuleError(path, _("Expected more than 0 and at most %(most)d kilometres.") % {"most": FARTHEST})
    return value


def _compile(rule: NearRule, scope: Scope) -> Q:
    latitude, longitude = scope.path("latitude"), scope.path("longitude")
    known = Q(**{f"{latitude}__isnull": False, f"{longitude}__isnull": False})
    angle = rule.km / RADIUS
    if angle >= math.pi:
        return known
    limit = math.sin(angle / 2) ** 2
    return known & _box(rule, angle, latitude, longitude) & Q(LessThanOrEqual(_haversine(rule, scope), limit))


def _box(rule: NearRule, angle: float, latitude: str, longitude: str) -> Q:
    """The degrees between which the circle lies; of a circle around a pole, or over it, all of longitude."""
    high = math.degrees(angle) + _MARGIN
    low, top = rule.latitude - high, rule.latitude + high
    box = Q(**{f"{latitude}__gte": low, f"{latitude}__lte": top})
    if low <= -90 or top >= 90:
        return box
    wide = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(rule.latitude)))) + _MARGIN
    west, east = rule.longitude - wide, rule.longitude + wide
    if west < -180:
        return box & (Q(**{f"{longitude}__lte": east}) | Q(**{f"{longitude}__gte": west + 360}))
    if east > 180:
        return box & (Q(**{f"{longitude}__gte": west}) | Q(**{f"{longitude}__lte": east - 360}))
    return box & Q(**{f"{longitude}__gte": west, f"{longitude}__lte": east})


def _haversine(rule: NearRule, scope: Scope) -> Expression:
    """The squared sine of half the angle between a person and the point, which rises with the distance."""
    latitude, longitude = F(scope.path("latitude")), F(scope.path("longitude"))
    north = Power(Sin(Radians((latitude - Value(rule.latitude)) / 2)), 2)
    east = Power(Sin(Radians((longitude - Value(rule.longitude)) / 2)), 2)
    scale = Cos(Radians(latitude)) * math.cos(math.radians(rule.latitude))
    return ExpressionWrapper(north + scale * east, FloatField())


def _phrase(rule: NearRule) -> Phrase:
    value = _("%(km)s km of %(latitude)s, %(longitude)s") % {
        "km": number_format(rule.km, force_grouping=True),
        "latitude": _degree_words(rule.latitude),
        "longitude": _degree_words(rule.longitude),
    }
    return Phrase(_("Place"), _("is within"), value, _("who live within %(place)s") % {"place": value})


def _degree_words(value: float) -> str:
    return ("−" if value < 0 else "") + number_format(abs(value))


KIND = Kind("near", NearRule, _parse, _compile, _phrase)
