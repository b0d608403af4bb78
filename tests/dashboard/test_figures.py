"""Figures, money and times as people read them."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from personalize.core.registries import Registry, Tab
from personalize.dashboard import figures
from personalize.dashboard.templatetags import dashboard as tags

NOW = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)


def rendered(text: str, **context: object) -> str:
    return Template("{% load dashboard %}" + text).render(Context(context))


def test_a_rate_carries_its_interval():
    assert figures.rate(732, 12_000) == figures.Rate("6.1%", "5.7–6.5", 12_000)


def test_too_little_data_is_said_and_not_a_rate():
    assert "Not enough data" in rendered("{% rate 3 7 %}")
    assert "%" not in rendered("{% rate 3 7 %}").replace("93 more", "")


@pytest.mark.parametrize(
    ("amount", "short", "shown"),
    [
        (4_126_000, False, "£412.60"),
        (12_084_000, False, "£1,208.40"),
        (12_084_000, True, "£1,208"),
        (4_126_000, True, "£412.60"),
        (-140_000, False, "-£14.00"),
    ],
)
def test_money_is_written_in_the_shops_currency(amount: int, short: bool, shown: str):
    assert figures.money(amount, "GBP", short=short) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (dt.datetime(2026, 11, 19, 8, 12, tzinfo=dt.UTC), "Today 09:12"),
        (dt.datetime(2026, 11, 18, 23, 30, tzinfo=dt.UTC), "Today 00:30"),
        (dt.datetime(2026, 11, 18, 9, 0, tzinfo=dt.UTC), "Yesterday 10:00"),
        (dt.datetime(2026, 11, 17, 20, 40, tzinfo=dt.UTC), "Tue 21:40"),
        (dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC), "Fri 09:00"),
        (dt.datetime(2026, 10, 12, 9, 0, tzinfo=dt.UTC), "12 Oct"),
        (dt.datetime(2025, 9, 23, 9, 0, tzinfo=dt.UTC), "23 Sep 2025"),
    ],
)
def test_a_moment_is_as_short_as_it_can_be_in_the_readers_zone(at: dt.datetime, shown: str):
    with timezone.override(zoneinfo.ZoneInfo("Europe/Budapest")):
        assert figures.moment(at, now=NOW) == shown


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ann Whitaker", "AW"),
        ("Charlotte Anne Devereux-Ashworth", "CD"),
        ("h.petrov@inbox.example", "h"),
        ("Bálint", "B"),
        ("", "–"),
        ("<script>alert(1)</script>", "–"),
    ],
)
def test_a_face_shows_initials(name: str, initials: str):
    assert f">{initials}</span>" in tags.face(name)


def test_a_person_keeps_the_same_tint():
    assert tags.face("Ann Whitaker", "7") == tags.face("Ann Whitaker", "7")
    assert len({tags.face("Ann Whitaker", number) for number in range(50)}) == tags.TINTS


def test_names_cannot_break_out_of_the_parts_that_show_them():
    evil = "<script>alert(1)</script>\"'"
    for part in (tags.face(evil), tags.badge(evil, evil), tags.state(evil, evil), tags.icon(evil), tags.count(3, evil)):
        assert "<script" not in part
        assert "\"'" not in part


def test_a_brand_can_set_colours_and_nothing_else():
    class Brand:
        style = {"action": "#112233", "ground": "red;background:url(//evil.example)", "unknown": "#000000"}

    assert tags.brand_colours(Brand()) == "--shop-action:#112233"


def test_the_waterfall_ends_where_what_is_left_ends():
    steps = [
        tags.WaterfallStep("In the segment", 100, kind="whole"),
        tags.WaterfallStep("No yes", -30),
        tags.WaterfallStep("Bounced", -20),
        tags.WaterfallStep("Get it", 50, kind="result"),
    ]
    lines = tags.waterfall(steps)["lines"]
    assert [(begin, width) for _step, begin, width in lines] == [
        ("0.00", "100.00"),
        ("70.00", "30.00"),
        ("50.00", "20.00"),
        ("0.00", "50.00"),
    ]


def test_a_plot_starts_at_zero_and_survives_days_without_anything():
    assert 'cy="2.0"' in tags.plot([0, 5])
    assert "nan" not in tags.plot([0, 0, 0])
    assert tags.sparkline([4]) == ""


def test_a_registry_refuses_the_same_key_twice():
    entry = Tab("a", "settings", "A", lambda target: None)
    registry: Registry[Tab] = Registry()
    registry.add(entry)
    with pytest.raises(ValueError, match="twice"):
        registry.add(entry)
