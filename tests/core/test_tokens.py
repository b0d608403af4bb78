"""Tokens open what they were made for and nothing else."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from personalize.core.tokens import Purpose, seal, unseal

AT = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)


def test_a_token_gives_back_what_was_sealed():
    id = uuid.uuid4()
    token = unseal(seal(Purpose.CLICK, id, issued_at=AT, link=513), Purpose.CLICK)
    assert token is not None
    assert (token.purpose, token.id, token.issued_at, token.link) == (Purpose.CLICK, id, AT, 513)


def test_a_token_of_one_purpose_opens_nothing_else():
    assert unseal(seal(Purpose.OPEN, uuid.uuid4(), issued_at=AT), Purpose.UNSUBSCRIBE) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-2],
        lambda t: t + "A",
        lambda t: t[:-1] + chr(ord(t[-1]) ^ 1),
        lambda t: "B" + t[1:],
        lambda t: "ä" * 50,
        lambda t: "",
    ],
)
def test_an_altered_token_is_nothing(change):
    assert unseal(change(seal(Purpose.CLICK, uuid.uuid4(), issued_at=AT)), Purpose.CLICK) is None


def test_an_old_key_keeps_verifying_after_rotation(settings):
    old, new = "1:" + "o" * 40, "2:" + "n" * 40
    settings.LINK_KEYS = [old]
    token = seal(Purpose.CLICK, uuid.uuid4(), issued_at=AT)
    settings.LINK_KEYS = [new, old]
    assert unseal(token, Purpose.CLICK) is not None
    assert seal(Purpose.CLICK, uuid.uuid4(), issued_at=AT)[:3] != token[:3]
    settings.LINK_KEYS = [new]
    assert unseal(token, Purpose.CLICK) is None
