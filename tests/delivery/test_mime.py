"""The bytes of a mail: whatever the words are, a mail program reads them as they were written."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.delivery.mime import written

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"))
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1)
LINES = st.lists(WORD, min_size=1).map(" ".join)


def mail(subject="Hello", text="words", html="<p>words</p>", **fields):
    made = EmailMultiAlternatives(
        subject, text, "Alder & Wren <hello@news.alderandwren.example>", ["ann@post.example"], **fields
    )
    made.attach_alternative(html, "text/html")
    return made


def read(raw):
    return message_from_bytes(raw, policy=policy.default)


@given(WORDS, WORDS)
@example("a.\n.\n..b", "<p>" + "x" * 3000 + "é=20 \t</p>")
@example("From the shop\n \ntrailing \n", "\n\n")
def test_both_bodies_are_read_as_they_were_written(text, html):
    got = read(written(mail(text=text, html=html)))
    for kind, words in (("plain", text), ("html", html)):
        assert got.get_body((kind,)).get_content().replace("\r\n", "\n") == words


@given(LINES)
def test_a_subject_is_read_as_it_was_written(subject):
    assert str(read(written(mail(subject=subject)))["Subject"]) == subject


@given(WORDS, WORDS)
def test_no_line_is_too_long_for_a_mail_server_and_every_byte_is_ascii(text, html):
    raw = written(mail(text=text, html=html))
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize("words", ["Hello\nBcc: thief@evil.example", "Hello\rBcc: thief@evil.example"])
def test_a_line_end_in_a_header_is_refused(words):
    with pytest.raises(BadHeaderError):
        written(mail(subject=words))


def test_names_and_addresses_beyond_ascii_keep_their_address():
    got = read(written(mail(reply_to=["Élodie Würth <elodie@bücher.example>"])))
    [address] = got["Reply-To"].addresses
    assert (address.display_name, address.addr_spec) == ("Élodie Würth", "elodie@xn--bcher-kva.example")
