"""How many people a segment had, day by day."""

from __future__ import annotations

import datetime as dt

from personalize.accounts.models import Brand
from personalize.core import clock, localtime
from segments.segmentation.models import Segment, SegmentFigure


def figures_of(segment: Segment, days: int = 30) -> list[tuple[dt.date, int]]:
    """The figures of so many days up to today, the oldest first; days on which nobody counted are left out."""
    since = today(clock.now()) - dt.timedelta(days=days)
    rows = SegmentFigure.objects.filter(segment=segment, day__gte=since).order_by("day")
    return list(rows.values_list("day", "people"))


def note(segment: int, at: dt.datetime, people: int) -> None:
    """Remember how many there were on the day of ``at``; the last count of a day stands."""
    SegmentFigure.objects.update_or_create(segment_id=segment, day=today(at), defaults={"people": people})


def today(at: dt.datetime) -> dt.date:
    """The shop's date at an instant."""
    return at.astimezone(localtime.zone(shop_zone())).date()


def shop_zone() -> str:
    """The time zone of the shop."""
    return Brand.objects.values_list("time_zone", flat=True).first() or "UTC"
