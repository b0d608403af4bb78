"""Quiet hours: a mailing's window is asked just before the hand-over, for each person by the clock that counts for them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.db import transaction

from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import MessageState, SkipReason
from personalize.accounts.models import Brand
from personalize.core.clock import now
from personalize.core.localtime import Window, zone


class QuietHours:
    """The window of a mailing, and the clocks of the people of one claim; costs nothing where there is no window."""

    def __init__(self, mailing: Mailing, brand: Brand, ids: Sequence[int]) -> None:
        self._window = None if mailing.window is None else Window.of_json(mailing.window)
        self._zones: dict[int, ZoneInfo] = {}
        if self._window and self._window.zone == "person":
            rows = Message.objects.filter(pk__in=ids).values_list("pk", "subscriber__time_zone")
            self._zones = {pk: zone(name, brand.time_zone) for pk, name in rows}
        elif self._window:
            self._zones = dict.fromkeys(ids, zone(brand.time_zone))

    def may_go(self, token: int, ids: Sequence[int], at: dt.datetime | None = None) -> Sequence[int]:
        """Those of the claimed messages whose window is open at ``at`` (now), in the order of ``ids``.

        The others wait until it opens and go then in the order in which they were written; or they are skipped: as the
        window says, or because it opens when it is too late for them.
        """
        if self._window is None:
            return ids
        at = at or now()
        # Asked once for each zone, however many people live in it.
        opens = {clock: self._window.opens(at, clock) for clock in {self._zones[pk] for pk in ids}}
        closed: dict[dt.datetime, list[int]] = defaultdict(list)
        for pk in ids:
            if opens[self._zones[pk]] > at:
                closed[opens[self._zones[pk]]].append(pk)
        mine = Message.objects.filter(token=token, state=MessageState.CLAIMED)
        with transaction.atomic():
            for instant, waiting in closed.items():
                rows = mine.filter(pk__in=waiting)
                if self._window.otherwise == "skip":
                    rows.skip(SkipReason.WINDOW, at=at)
                else:
                    rows.put_off(until=instant, at=at)
        return [pk for pk in ids if opens[self._zones[pk]] <= at]
