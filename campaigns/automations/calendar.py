"""Whose day has come: dates of people and silences bring them into automations, each once, wherever they live.

Looked for when clocks somewhere strike the hour of an automation, and every quarter of an hour for what was only learnt
since. Who is in already is not asked again, so that a look may be repeated, late or done by several at once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce

from campaigns.automations import dates
from campaigns.automations.enrolling import enrol
from campaigns.automations.models import Automation, AutomationVersion, DaySwept, Enrolment
from campaigns.automations.nodes import DateTrigger, QuietTrigger
from campaigns.automations.published import definition_of
from campaigns.automations.timing import days_in_play, is_too_late, occasions
from campaigns.automations.types import Arrival, AutomationState
from personalize.core.clock import now
from personalize.core.database import among
from personalize.core.localtime import ONE_DAY, every_zone, strikes, striking
from segments.commerce.models import Order, OrderStatus
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

logger = logging.getLogger(__name__)

QUARTER = dt.timedelta(minutes=15)
"""How often people are looked for whose date, or silence, was only learnt of since."""


def sweep_calendar(at: dt.datetime | None = None) -> bool:
    """Bring those in whose day has come in any live automation; false when there was nothing to look for.

    Whoever comes in, and how far was looked, is one transaction for each automation. What was missed is caught up on for as
    long as the trigger's ``late`` says.
    """
    at = at or now()
    live = Automation.objects.filter(state=AutomationState.LIVE).order_by("pk")
    found = False
    for pk, version, up_to in live.values_list("pk", "live__uuid", Coalesce("day_swept__up_to", "live_since")):
        trigger = _trigger(version)
        if trigger is not None and _is_due(trigger, up_to, at):
            found = _sweep(pk, at) or found
    return found


@lru_cache(maxsize=512)
def _trigger(version: UUID) -> DateTrigger | QuietTrigger | None:
    """The trigger of a published version, which never changes, where it is one that looks at the calendar."""
    try:
        trigger = definition_of(AutomationVersion.objects.get(uuid=version)).trigger
    except ValueError as error:
        logger.error("A published version cannot be read, so nobody comes in by their dates: %s", error)
        return None
    return trigger if isinstance(trigger, DateTrigger | QuietTrigger) else None


def _is_due(trigger: DateTrigger | QuietTrigger, up_to: dt.datetime, at: dt.datetime) -> bool:
    if at.timestamp() // QUARTER.total_seconds() > up_to.timestamp() // QUARTER.total_seconds():
        return True
    return isinstance(trigger, DateTrigger) and strikes(trigger.at, up_to) <= at


def _sweep(pk: int, at: dt.datetime) -> bool:
    """Look once for one automation, unless somebody else is doing so or has done."""
    with transaction.atomic():
        automation = Automation.objects.select_related("live", "topic").get(pk=pk)
        if automation.state != AutomationState.LIVE or automation.live is None or automation.live_since is None:
            return False
        DaySwept.objects.get_or_create(automation=automation, defaults={"up_to": automation.live_since})
        swept = DaySwept.objects.select_for_update(of=("self",), skip_locked=True).filter(automation=automation).first()
        trigger = _trigger(automation.live.uuid)
        if swept is None or trigger is None or not _is_due(trigger, swept.up_to, at):
            return False
        earliest = max(automation.live_since, at - trigger.late.delta)
        since = max(earliest, swept.up_to)
        if isinstance(trigger, DateTrigger):
            arrivals = _by_date(trigger, since, earliest, at)
        else:
            arrivals = due_silences(trigger=trigger, since=since, until=at, people=Subscriber.objects.present(), at=at)
        enrol(automation=automation, arrivals=_not_in(automation, arrivals), at=at)
        swept.up_to = at
        swept.save(update_fields=["up_to"])
    return True


def _by_date(trigger: DateTrigger, since: dt.datetime, earliest: dt.datetime, at: dt.datetime) -> list[Arrival]:
    """Those whose instant came since the last look, and those of whom it was learnt too late for an earlier one."""
    everybody = Subscriber.objects.present()
    changed = everybody.filter(updated_at__gte=at - trigger.late.delta)
    elsewhere = dates.brand_zone()
    found: dict[tuple[int, str], Arrival] = {}
    for start, people in ((since, everybody), (earliest, changed)):
        for arrival in due_dates(trigger=trigger, since=start, until=at, zone=elsewhere, people=people, at=at):
            found[arrival.subscriber_id, arrival.entry_key] = arrival
    return list(found.values())


def _not_in(automation: Automation, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Those who did not come in for the same before."""
    rows = Enrolment.objects.filter(
        automation=automation,
        subscriber__in=among({arrival.subscriber_id for arrival in arrivals}),
        entry_key__in={arrival.entry_key for arrival in arrivals},
    )
    known = set(rows.values_list("subscriber_id", "entry_key")) if arrivals else set()
    return [arrival for arrival in arrivals if (arrival.subscriber_id, arrival.entry_key) not in known]


# --- who comes in between two instants ----------------------------------------------------------------------------------


def due_dates(
    *,
    trigger: DateTrigger,
    since: dt.datetime,
    until: dt.datetime,
    zone: str,
    people: SubscriberQuerySet,
    at: dt.datetime | None = None,
) -> list[Arrival]:
    """Those of the people who come in for their date after ``since``, at ``until`` at the latest, by their own clocks.

    ``zone`` is that of people who have none. With ``at``, those for whom it is too late then are left out. The context has
    the ``date`` that is kept and the ``years`` since the first, null where nobody knows. One query, two for some fields.
    """
    if since >= until:
        return []
    near = people.filter(dates.falling_on(trigger, days_in_play(trigger, since, until)))
    if until - since < ONE_DAY:
        near = near.filter(_living_where(striking(trigger.at, since, until), zone))
    return [
        Arrival(
            pk,
            one.key,
            one.at,
            {"about": "", "at": one.at.isoformat(), "date": one.day.isoformat(), "years": one.years},
        )
        for pk, date, where in dates.read(trigger.field, near, zone)
        for one in occasions(trigger, date, since, until, where)
        if at is None or not is_too_late(trigger, one, at, where)
    ]


def _living_where(names: frozenset[str], elsewhere: str) -> Q:
    """People in these zones; whose own is not known, or no zone, lives in ``elsewhere``."""
    if elsewhere in names:
        return ~Q(time_zone__in=[one.key for one in every_zone() if one.key not in names])
    return Q(time_zone__in=sorted(names))


def due_silences(
    *,
    trigger: QuietTrigger,
    since: dt.datetime,
    until: dt.datetime,
    people: SubscriberQuerySet,
    at: dt.datetime | None = None,
) -> list[Arrival]:
    """Those of the people whose silence comes to be ``after`` long after ``since``, at ``until`` at the latest.

    The entry key is the day of what they did last, so that whoever does something again may fall silent again. With ``at``,
    those who did something by then are left out.
    """
    after = trigger.after.delta
    found: dict[tuple[int, dt.datetime], Arrival] = {}
    for rows, column in _acts(trigger):
        heard = rows.filter(**{f"{column}__gt": since - after, f"{column}__lte": until - after}, subscriber__in=people)
        end = at or ExpressionWrapper(OuterRef(column) + after, output_field=DateTimeField())
        for later, its in _acts(trigger):
            again = later.filter(**{f"{its}__gt": OuterRef(column), f"{its}__lte": end})
            heard = heard.filter(~Exists(again.filter(subscriber=OuterRef("subscriber"))))
        for person, day in heard.values_list("subscriber_id", column):
            found[person, day] = Arrival(
                person,
                day.date().isoformat(),
                day + after,
                {"about": "", "at": (day + after).isoformat(), "date": day.date().isoformat()},
            )
    return sorted(found.values(), key=lambda arrival: (arrival.subscriber_id, arrival.started_at))


def _acts(trigger: QuietTrigger) -> list[tuple[Any, str]]:
    """What people do, by the trigger's word: rows, and the column of their time."""
    orders = Order.objects.filter(subscriber__isnull=False).exclude(status=OrderStatus.CANCELLED)
    clicks = Event.objects.filter(name="email_clicked")
    acts: dict[str, list[tuple[Any, str]]] = {
        "orders": [(orders.order_by(), "placed_at")],
        "clicks": [(clicks.order_by(), "occurred_at")],
    }
    return acts.get(trigger.what) or [*acts["orders"], *acts["clicks"]]
