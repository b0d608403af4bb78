"""Telling people from scanners by the signs around a click."""

from __future__ import annotations

import datetime as dt

import pytest

from campaigns.tracking.models import Hit, Verdict
from campaigns.tracking.recognition import Judgement, Reason, family, settled
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)


def click(second: float = 0, link: int = 1, network: str = "203.0.113.0/24", agent: str = "Chrome on Windows") -> Hit:
    return Hit(at=NOW + dt.timedelta(seconds=second), link_id=link, ip_prefix=network, agent=agent, kind="click")


def judge(one: Hit, *others: Hit, since: dt.timedelta = dt.timedelta(hours=1), links: int = 5) -> Judgement:
    return settled(one, [one, *others], handed_at=NOW - since, links=links, fast=MINUTE)


def burst(of: int) -> list[Hit]:
    return [click(second=link, link=link) for link in range(1, of + 1)]


def test_a_single_click_is_a_persons_even_right_after_the_sending():
    assert judge(click(), since=dt.timedelta(seconds=5)) == Judgement(Verdict.HUMAN, (Reason.FAST,))


def test_most_links_at_once_right_after_the_sending_are_a_machines():
    first, *rest = burst(of=4)
    assert judge(first, *rest, since=dt.timedelta(seconds=30)).verdict == Verdict.MACHINE


def test_fewer_than_most_links_are_not_a_burst():
    first, *rest = burst(of=3)
    assert judge(first, *rest, since=dt.timedelta(seconds=30)).verdict == Verdict.HUMAN


def test_five_links_at_once_are_a_burst_however_many_the_mailing_stores():
    first, *rest = burst(of=5)
    assert "burst" in judge(first, *rest, links=400).reasons


def test_two_links_of_two_opened_at_once_are_not_a_burst():
    assert judge(click(), click(1, link=2), links=2) == Judgement(Verdict.HUMAN)


def test_a_burst_spread_over_more_than_ten_seconds_is_none():
    assert judge(click(0), click(6, link=2), click(11, link=3), click(12, link=4)).reasons == ()


def test_a_burst_from_somewhere_else_says_nothing_about_this_click():
    others = [click(link, link=link, network="198.51.100.0/24") for link in range(1, 6)]
    assert judge(click(), *others, since=dt.timedelta(seconds=30)).verdict == Verdict.HUMAN


def test_a_late_burst_alone_is_one_sign_and_decides_nothing():
    first, *rest = burst(of=5)
    assert judge(first, *rest) == Judgement(Verdict.HUMAN, (Reason.BURST,))


@pytest.mark.parametrize(
    ("one", "others", "since"),
    [
        (click(agent=""), [], dt.timedelta(seconds=30)),
        (click(), [click(2, link=2, agent="Safari on macOS")], dt.timedelta(seconds=30)),
        (click(1, agent=""), [click(2, link=2, agent="Safari on macOS")], dt.timedelta(hours=1)),
    ],
)
def test_any_two_signs_probably_are_a_machine(one, others, since):
    assert judge(one, *others, since=since).verdict == Verdict.PROBABLE_MACHINE


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("", ""),
        ("Mozilla/5.0", "Apple mail privacy"),
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Robot"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15.1) Gecko/20100101 Firefox/132.0", "Firefox on macOS"),
        ("x" * 5000, "Other"),
    ],
)
def test_an_agent_is_kept_as_its_family_only(agent, name):
    assert family(agent) == name
