"""The parts of a page that need more than a class: icons, faces, figures, charts, and what other apps bring."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page
from django.http import HttpRequest
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from personalize.core import permissions, registries
from personalize.dashboard import figures

register = template.Library()

TINTS = 7
SHOP_COLOURS = ("ground", "card", "line", "text", "muted", "on", "off", "input", "action", "link")
HEX = re.compile(r"#[0-9A-Fa-f]{6}")
MERGE_FIELD = re.compile(r"\{\{\s*(?P<name>[\w.]+)(?P<rest>[^}]*)\}\}")
PREFIX = re.compile(r"""prefixed\(["']([^"']*)["']\)""")
MINUS = "\N{MINUS SIGN}"


@register.simple_tag
def icon(name: str, size: int = 18) -> SafeString:
    """A Material symbol; decorative, so hidden from screen readers."""
    sized = "" if size == 18 else f" icon-{size}"
    return format_html('<span class="icon{}" aria-hidden="true">{}</span>', sized, name)


@register.simple_tag
def face(name: Any, key: Any = "", size: str = "") -> SafeString:
    """The initials of ``name`` on a tint chosen by ``key`` (the person's uuid), ``size`` small or large."""
    words = [word for word in str(name).replace("@", " ").split() if word[:1].isalnum()]
    initials = "".join(
        word[0] for word in (words[:1] + words[-1:] if len(words) > 1 and "@" not in str(name) else words[:1])
    )
    tint = hashlib.sha256(str(key or name).encode()).digest()[0] % TINTS + 1
    return format_html('<span class="face face-{} {}" aria-hidden="true">{}</span>', tint, size, initials or "–")


@register.simple_tag
def badge(label: Any, tone: str = "", running: bool = False) -> SafeString:
    """A filled word for a state; ``running`` adds the dot of something going on now."""
    dot = format_html('<i class="dot {}"></i>', tone) if running else ""
    return format_html('<span class="badge {}">{}{}</span>', tone, dot, label)


@register.simple_tag
def state(label: Any, tone: str = "") -> SafeString:
    """Dot and word: the state of a row in a table."""
    return format_html('<span class="state"><i class="dot {}"></i>{}</span>', tone, label)


@register.simple_tag
def count(number: int, url: str = "") -> SafeString:
    """A figure that opens the list of the people behind it; zero is muted and leads nowhere."""
    figure = intcomma(number).replace("-", MINUS)
    if number and url:
        return format_html('<a class="number-link" href="{}">{}</a>', url, figure)
    return format_html('<span class="{}">{}</span>', "" if number else "muted", figure)


@register.filter
def merge_text(text: str) -> SafeString:
    """A subject as it is written, its merge fields as violet chips: what differs from person to person."""
    parts: list[SafeString] = []
    end = 0
    for field in MERGE_FIELD.finditer(text):
        before = PREFIX.search(field["rest"])
        name = field["name"].rpartition(".")[2].replace("_", " ")
        parts.append(format_html("{}{}", text[end : field.start()], before[1] if before else ""))
        parts.append(format_html('<span class="merge">{}</span>', name))
        end = field.end()
    return format_html("{}{}", mark_safe("".join(parts)), text[end:])


@register.inclusion_tag("components/rate.html")
def rate(successes: int, trials: int, digits: int = 1, enough: int = figures.ENOUGH_TRIALS) -> dict[str, Any]:
    """A share with its interval, or that there is not enough data."""
    return {"rate": figures.rate(successes, trials, digits=digits, enough=enough)}


@register.simple_tag(takes_context=True)
def money(context: template.Context, amount: int | None, currency: str = "", short: bool = False) -> str:
    """Ten-thousandths as money, in the shop's currency unless told otherwise."""
    if amount is None:
        return "–"
    brand = context.get("brand")
    return figures.money(amount, currency or getattr(brand, "currency", "") or "GBP", short=short)


@register.filter
def moment(at: dt.datetime | None) -> SafeString | str:
    """A moment as short as it can be, with the exact one in ``datetime``; an en dash for none."""
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M} UTC", figures.moment(at)
    )


@register.filter
def day(date: dt.date | dt.datetime | None) -> str:
    return "–" if date is None else figures.day(date.date() if isinstance(date, dt.datetime) else date)


@register.simple_tag
def day_heading(date: dt.date) -> str:
    """A day as a heading: Today, Yesterday, or the weekday with the date."""
    return figures.day_heading(date)


@register.inclusion_tag("components/progress.html")
def progress(done: int, total: int, rest: int = 0, thin: bool = False, label: Any = "") -> dict[str, Any]:
    """A bar of ``done`` of ``total``; ``rest`` (skipped or failed) follows in quiet grey."""
    share = 100 / total if total else 0
    return {
        "done": done,
        "total": total,
        "label": label,
        "thin": thin,
        "done_width": f"{done * share:.1f}",
        "rest_width": f"{rest * share:.1f}",
    }


@register.inclusion_tag("components/stats.html")
def stat_strip(stats: Sequence[registries.Stat]) -> dict[str, Any]:
    """The strip of figures on top of a page."""
    return {"stats": stats}


@register.inclusion_tag("components/thumbnail.html")
def thumbnail(url: str = "", size: str = "", title: Any = "") -> dict[str, Any]:
    """A mail as a small picture; ``url`` is its preview page (sandboxed), without one a drawing of lines is shown.

    ``size``: empty 36 × 44, ``card`` 52 × 64, ``mail`` 76 × 96, ``fan`` 70 × 92.
    """
    return {"url": url, "size": size, "title": title}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any]) -> dict[str, Any]:
    """Where one is in a long list, and the ways back and on; keeps the rest of the address."""
    return {"page": page, "request": context["request"]}


@register.simple_tag
def bars(values: Sequence[float], tone: str = "") -> SafeString:
    """Columns from zero, the highest as tall as the plot."""
    top = max([*values, 0]) or 1
    return format_html(
        '<div class="bars {}" aria-hidden="true">{}</div>',
        tone,
        format_html_join("", '<i style="height:{}%"></i>', ((f"{100 * value / top:.1f}",) for value in values)),
    )


def _path(values: Sequence[float], width: float, height: float, top: float) -> str:
    step = width / max(1, len(values) - 1)
    points = [(index * step, height - 2 - (height - 4) * value / top) for index, value in enumerate(values)]
    start = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    # Horizontal handles a third of a step long keep the line monotone between points.
    curves = (
        f"C{x0 + step / 3:.1f} {y0:.1f} {x1 - step / 3:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        for (x0, y0), (x1, y1) in pairwise(points)
    )
    return start + "".join(curves)


@register.simple_tag
def sparkline(values: Sequence[float]) -> SafeString | str:
    """A line without labels, always beside its number."""
    if len(values) < 2:
        return ""
    line = _path(values, 84, 24, max(values) or 1)
    return format_html(
        '<svg class="sparkline" viewBox="0 0 84 24" aria-hidden="true"><path class="area" d="{0}L84 24L0 24Z"/>'
        '<path class="line" d="{0}"/></svg>',
        line,
    )


@register.simple_tag
def plot(values: Sequence[float], before: Sequence[float] = (), tone: str = "", label: Any = "") -> SafeString | str:
    """A line over time from zero with the period before dotted; ``label`` says it in words for screen readers."""
    if len(values) < 2:
        return ""
    top = max([*values, *before]) or 1
    line = _path(values, 340, 90, top)
    y_last = 90 - 2 - 86 * values[-1] / top
    return format_html(
        '<svg class="plot {tone}" viewBox="0 0 340 92" role="img" aria-label="{label}">'
        '<path class="grid" d="M0 88H340M0 45H340M0 2H340"/><path class="area" d="{line}L340 88L0 88Z"/>{before}'
        '<path class="line" d="{line}"/><circle class="last" cx="340" cy="{y}" r="3.5"/></svg>',
        tone=tone,
        label=label,
        line=line,
        y=f"{y_last:.1f}",
        before=format_html('<path class="before" d="{}"/>', _path(before, 340, 90, top)) if len(before) > 1 else "",
    )


@dataclass(frozen=True)
class WaterfallStep:
    """One line of a waterfall: people who go away (``people`` < 0) or what stands at the start or the end."""

    label: Any
    people: int
    url: str = ""
    note: Any = ""
    kind: str = "less"


@register.inclusion_tag("components/waterfall.html")
def waterfall(steps: Sequence[WaterfallStep]) -> dict[str, Any]:
    """From everyone to those who get it: ``kind`` whole at the start, less for what goes away, result at the end."""
    whole = max((step.people for step in steps if step.kind == "whole"), default=0) or 1
    left, lines = 0, []
    for step in steps:
        size = abs(step.people)
        if step.kind != "less":
            left = size
        begin = left - size
        left = begin if step.kind == "less" else left
        lines.append((step, f"{100 * begin / whole:.2f}", f"{max(0.4, 100 * size / whole) if size else 0:.2f}"))
    return {"lines": lines}


@register.simple_tag(takes_context=True)
def panels(context: RequestContext, page: str, target: Any = None) -> SafeString:
    """Everything other apps bring to this place of the page, in their order."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return mark_safe("")
    parts = []
    for panel in registries.panels:
        if panel.page != page:
            continue
        found = panel.context(request, target)
        if found is not None:
            parts.append(render_to_string(panel.template, {"target": target, **found}, request))
    return mark_safe("".join(parts))


@register.simple_tag(takes_context=True)
def page_actions(context: RequestContext, page: str, target: Any = None) -> list[dict[str, Any]]:
    """The buttons other apps bring to the head of a page, for whoever may use them."""
    user = context["request"].user
    found = (
        {"label": action.label(target), "icon": action.icon, "url": action.url(target)}
        for action in registries.actions
        if action.page == page and permissions.allowed(user, action.action, target)
    )
    return [action for action in found if action["url"]]


@register.simple_tag(takes_context=True)
def page_tabs(context: RequestContext, page: str, target: Any = None) -> list[dict[str, Any]]:
    """The tabs other apps bring to a page, the open one marked."""
    path = context["request"].path
    found = ({"label": tab.label, "url": tab.url(target)} for tab in registries.tabs if tab.page == page)
    return [{**tab, "current": tab["url"] == path} for tab in found if tab["url"]]


@register.simple_tag(takes_context=True)
def remove_filter(context: RequestContext, key: str) -> str:
    """The address of this list without one filter."""
    query = context["request"].GET.copy()
    for name in (key, "page"):
        query.pop(name, None)
    return f"?{query.urlencode()}"


@register.simple_tag
def brand_colours(brand: Any) -> SafeString:
    """The brand's own colours as custom properties for its public pages; anything but a plain hex colour is left out."""
    style = brand.style if isinstance(brand.style, dict) else {}
    chosen = ((name, str(style.get(name, ""))) for name in SHOP_COLOURS)
    return mark_safe(";".join(f"--shop-{name}:{value}" for name, value in chosen if HEX.fullmatch(value)))


@register.simple_tag(takes_context=True)
def may(context: RequestContext, action: str, target: Any = None) -> bool:
    """Whether the reader may do ``action``; ``{% may "people.edit" as can_edit %}``."""
    return permissions.allowed(context["request"].user, action, target)
