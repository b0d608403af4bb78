"""What a simulation found, as the page tells it: figures, sentences and the colours of the hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.automations import words
from campaigns.automations.replay.report import Told
from campaigns.automations.types import LeftOutReason, StepSkip, Visit
from campaigns.delivery.types import SkipReason
from personalize.core.registries import Stat

STRONGEST = 4
"""The darkest of the tones in which hours are drawn."""


@dataclass(frozen=True)
class Count:
    """A line of a list of reasons; ``width`` is its share of the largest, in percent."""

    label: str
    number: int
    width: int


@dataclass(frozen=True)
class Hour:
    """An hour of the day: how many mails, and how dark that is, from 0 to STRONGEST."""

    hour: int
    mails: int
    tone: int


@dataclass(frozen=True)
class MailLine:
    """A mail step in words."""

    title: str
    mailed: int
    ordered_first: int
    near_others: int
    skipped: str


class Findings:
    """A report as it was stored, with the definition it is about."""

    def __init__(self, report: Mapping[str, Any], definition: Mapping[str, Any], names: words.Names) -> None:
        self._report = report
        self._titles = titles(definition, names)
        self.notes: Sequence[str] = report["notes"]

    @property
    def stats(self) -> list[Stat]:
        said = self._report
        people = ngettext("%(n)s person", "%(n)s people", said["people"]) % {"n": intcomma(said["people"])}
        first = sum(mail["ordered_first"] for mail in said["mails"])
        near = sum(mail["near_others"] for mail in said["mails"])
        return [
            Stat(_("Would have come in"), intcomma(said["entered"]), people),
            Stat(_("Mails"), intcomma(said["mailed"]), _("%(n)s within a day of another mail") % {"n": intcomma(near)}),
            Stat(_("Ordered anyway"), intcomma(first), _("before the mail would have gone")),
            Stat(_("Held back by limits"), intcomma(said["capped"]), _("of the mails that were due")),
            Stat(
                _("Still in it at the end"),
                intcomma(said["still"]),
                _("%(n)s came to the end") % {"n": intcomma(said["done"])},
            ),
        ]

    @property
    def mails(self) -> list[MailLine]:
        return [
            MailLine(
                self._titles.get(mail["step"], mail["step"]),
                mail["mailed"],
                mail["ordered_first"],
                mail["near_others"],
                ", ".join(f"{skip_words(reason)}: {intcomma(number)}" for reason, number in mail["skipped"].items()),
            )
            for mail in self._report["mails"]
        ]

    @property
    def hours(self) -> list[Hour]:
        most = max(self._report["hours"]) or 1
        return [Hour(hour, mails, -(-STRONGEST * mails // most)) for hour, mails in enumerate(self._report["hours"])]

    @property
    def exits(self) -> list[Count]:
        return _counts(self._report["exits"], words.reason_words)

    @property
    def left_out(self) -> list[Count]:
        return _counts(self._report["left_out"], left_out_words)

    @property
    def others(self) -> list[Count]:
        return _counts(self._report["others"], str)


def _counts(counts: Mapping[str, int], label: Any) -> list[Count]:
    most = max(counts.values(), default=1)
    return [Count(label(key), number, round(100 * number / most)) for key, number in counts.items()]


def titles(definition: Mapping[str, Any], names: words.Names) -> dict[str, str]:
    """What the steps of a definition are called, by id."""
    return {step["id"]: step.get("name") or words.step_words(step, names).title for step in definition["steps"]}


def left_out_words(reason: str) -> str:
    """Why somebody did not come in."""
    return str(LeftOutReason(reason).label) if reason in LeftOutReason.values else reason


def skip_words(reason: str) -> str:
    """Why a mail was not written, or did not leave."""
    for kind in (StepSkip, SkipReason):
        if reason in kind.values:
            return str(kind(reason).label)
    return reason


# --- one person ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One thing that happened to a person: ``title`` is bold, ``text`` follows it."""

    at: Any
    icon: str
    title: str
    text: str = ""
    tone: str = ""


def steps_told(told: Iterable[Told], definition: Mapping[str, Any], names: words.Names) -> list[Line]:
    """A person's way in words."""
    known = titles(definition, names)
    icons = {step["id"]: words.ICONS.get(step["type"], "circle") for step in definition["steps"]}
    return [_line(one, known.get(one.step, one.step), icons.get(one.step, "circle")) for one in told]


def _line(one: Told, step: str, icon: str) -> Line:
    match one.kind:
        case "entered":
            return Line(one.at, "login", _("Comes in"))
        case "left_out":
            return Line(one.at, "block", _("Stays out"), left_out_words(one.what), "warn")
        case "heard":
            return Line(one.at, "bolt", _("Heard"), words.happens(one.what))
        case "waits":
            until = date_format(localtime(one.detail["until"]), "j M, H:i")
            window = _("The mail waits until the window opens, %(at)s")
            limit = _("The mail waits for a place under a limit, %(at)s")
            return Line(one.at, "schedule", step, (window if one.what == "window" else limit) % {"at": until})
        case "mail" if one.what == "sent":
            return Line(one.at, "send", step, _("The mail goes out"))
        case "mail":
            return Line(one.at, "block", step, skip_words(one.what), "warn")
        case "ended" if one.what:
            return Line(one.at, "logout", _("Leaves"), words.reason_words(one.what))
        case "ended":
            return Line(one.at, "check", _("Comes to the end"))
    text = str(Visit(one.what).label)
    if one.detail.get("reason"):
        text = f"{text}: {skip_words(str(one.detail['reason']))}"
    return Line(one.at, icon, step, text)
