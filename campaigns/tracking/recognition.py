"""Who asked for a pixel or a link, a person or a machine: rules over plain facts, with their version in every hit.

Some things are certain at sight. For the rest of the clicks the verdict waits until the ten seconds after them are over:
a scanner that follows every link of a mail looks like a person when only its first step has been seen.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.tracking.models import Hit, HitKind, Verdict

RULE_VERSION = 1
SETTLE = dt.timedelta(seconds=10)
BURST_SHARE = 0.8
# A mail shows fewer links than its mailing stores, since products differ per person: five in ten seconds always are a burst.
BURST_ENOUGH = 5
# Two links opened at once are a habit of people, not a burst.
BURST_LEAST = 3


class Reason(models.TextChoices):
    """What spoke for the verdict; stored in the hit, shown to people by its label."""

    HEAD = "head", _("asked for the headers only")
    ROBOT = "robot", _("calls itself a robot")
    EARLY = "early", _("came before the mail was handed over")
    PREFETCH = "prefetch", _("said it was loading ahead")
    APPLE_PROXY = "apple_proxy", _("loaded by Apple’s mail privacy")
    IMAGE_PROXY = "image_proxy", _("loaded through the mail service’s image store")
    FAST = "fast", _("came within moments of the sending")
    BURST = "burst", _("most links within ten seconds")
    AGENTS = "agents", _("several programs from one place at once")
    SILENT = "silent", _("did not name its program")
    WAITING = "waiting", _("is being judged")


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Visit:
    """What a request tells of who makes it; ``agent`` is the header as sent and is never stored."""

    at: dt.datetime
    method: str
    agent: str
    network: str
    prefetch: bool = False


_APPLE_PROXY = "Mozilla/5.0"
_IMAGE_PROXIES = re.compile(
    r"GoogleImageProxy|YahooMailProxy|OutlookImageProxy|Microsoft Office/.*Outlook", re.IGNORECASE
)
# ‘Cubot’ is a make of telephone.
_ROBOTS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|scan|fetch|monitor|headless|phantomjs|preview|curl/|wget|python|aiohttp|httpx|okhttp|"
    r"go-http-client|libwww|apache-httpclient|^java/|node-fetch|axios|facebookexternalhit|whatsapp|"
    r"proofpoint|mimecast|barracuda|trendmicro|forcepoint|symantec|safelinks|urldefense",
    re.IGNORECASE,
)
_FAMILIES = (
    ("Google image proxy", re.compile("GoogleImageProxy")),
    ("Yahoo image proxy", re.compile("YahooMailProxy")),
    ("Edge", re.compile(r"Edg(e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Samsung Internet", re.compile("SamsungBrowser")),
    ("Firefox", re.compile("Firefox/|FxiOS/")),
    ("Chrome", re.compile("Chrome/|CriOS/")),
    ("Safari", re.compile("Safari/")),
    ("Outlook", re.compile("Outlook")),
    ("Mail app", re.compile("AppleWebKit/")),
)
_DEVICES = (
    ("iPad", re.compile("iPad")),
    ("iPhone", re.compile("iPhone")),
    ("Android", re.compile("Android")),
    ("Windows", re.compile("Windows")),
    ("macOS", re.compile("Macintosh")),
    ("Linux", re.compile("Linux")),
)


def family(agent: str) -> str:
    """The family of a user agent, such as ``Chrome on Android``: enough to tell sources apart, too little to know one."""
    if not agent:
        return ""
    if agent == _APPLE_PROXY:
        return "Apple mail privacy"
    if _ROBOTS.search(agent):
        return "Robot"
    program = next((name for name, pattern in _FAMILIES if pattern.search(agent)), "Other")
    device = next((name for name, pattern in _DEVICES if pattern.search(agent)), "")
    return f"{program} on {device}" if device and "proxy" not in program else program


def at_sight(kind: HitKind, visit: Visit, *, handed_at: dt.datetime | None) -> Judgement:
    """The verdict as far as the request alone allows: final for opens; ``unknown`` for clicks that have to wait."""
    certain: list[Reason] = []
    if visit.method == "HEAD":
        certain.append(Reason.HEAD)
    if visit.prefetch:
        certain.append(Reason.PREFETCH)
    if handed_at is None or visit.at < handed_at:
        certain.append(Reason.EARLY)
    if _ROBOTS.search(visit.agent):
        certain.append(Reason.ROBOT)
    if kind == HitKind.OPEN and visit.agent == _APPLE_PROXY:
        certain.append(Reason.APPLE_PROXY)
    if certain:
        return Judgement(Verdict.MACHINE, tuple(certain))
    if kind == HitKind.CLICK:
        return Judgement(Verdict.UNKNOWN, (Reason.WAITING,))
    if _IMAGE_PROXIES.search(visit.agent):
        return Judgement(Verdict.UNKNOWN, (Reason.IMAGE_PROXY,))
    return Judgement(Verdict.HUMAN)


def settled(
    click: Hit, clicks: Iterable[Hit], *, handed_at: dt.datetime | None, links: int, fast: dt.timedelta
) -> Judgement:
    """The verdict on a click that had to wait.

    ``clicks`` are those on the same mail within SETTLE before and after, this one included; ``links`` is how many links
    the mailing has. Soon and in a burst is a machine; any two signs probably are one; a single sign decides nothing.
    """
    near = [other for other in clicks if other.ip_prefix == click.ip_prefix and abs(other.at - click.at) <= SETTLE]
    signs: list[Reason] = []
    if handed_at is not None and click.at - handed_at <= fast:
        signs.append(Reason.FAST)
    if _in_burst(click, near, links):
        signs.append(Reason.BURST)
    if len({other.agent for other in near}) > 1:
        signs.append(Reason.AGENTS)
    if not click.agent:
        signs.append(Reason.SILENT)
    if Reason.FAST in signs and Reason.BURST in signs:
        return Judgement(Verdict.MACHINE, tuple(signs))
    if len(signs) >= 2:
        return Judgement(Verdict.PROBABLE_MACHINE, tuple(signs))
    return Judgement(Verdict.HUMAN, tuple(signs))


def _in_burst(click: Hit, near: Sequence[Hit], links: int) -> bool:
    needed = max(BURST_LEAST, min(BURST_ENOUGH, math.ceil(links * BURST_SHARE)))
    for first in near:
        if first.at <= click.at <= first.at + SETTLE:
            within = {other.link_id for other in near if first.at <= other.at <= first.at + SETTLE}
            if len(within) >= needed:
                return True
    return False
