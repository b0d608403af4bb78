"""The page "Caught mail": shows hostile mail without letting it do anything, and says why a mail is as it is."""

from __future__ import annotations

import uuid
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.urls import reverse

from campaigns.delivery.models import Message
from personalize.core.registries import MenuEntry, menu
from personalize.demo import inbox
from personalize.demo.anatomy import anatomy, as_shown, at_home
from tests.demo.conftest import mail
from tests.factories import NOW, make_mailing, make_subscriber

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _demo(settings, path, monkeypatch):
    settings.DEMO = True
    settings.CAUGHT_MAIL = path
    # The menu was filled when the tests began, outside of the demo.
    monkeypatch.setattr(menu, "_entries", dict(menu._entries))
    menu.add(MenuEntry("caught-in-test", "Caught mail", "inbox", "demo:caught", "people.view"))


def keep(path: Path, letter: EmailMessage, to: str = "ann@post.example") -> int:
    """Put a mail into the inbox and return its id."""
    with closing(inbox.connect(path)) as connection:
        inbox.store(connection, mail_from="x@post.example", rcpt_to=[to], raw=letter.as_bytes())
    return inbox.Inbox(path).newest()[0].id


@pytest.fixture
def page(client, maya, brand):
    client.force_login(maya)

    def get(name, *args, **query):
        return client.get(reverse(f"demo:{name}", args=args), query)

    return get


def test_an_empty_inbox_says_how_to_fill_it(page):
    assert "Nothing was caught yet" in page("caught").content.decode()


def test_hostile_subject_address_and_headers_are_shown_as_text(page, path):
    id = keep(path, mail(f"Hi {HOSTILE}", "a@post.example", X_Odd=HOSTILE), to=f"{HOSTILE}@post.example")
    for look in ("mail", "headers", "source", "text"):
        shown = page("mail", id, look=look).content.decode()
        assert HOSTILE not in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_the_html_of_a_mail_is_only_ever_served_where_it_can_run_nothing(page, path):
    id = keep(path, mail("Hostile", "a@post.example", html=f"<html><head></head><body>{HOSTILE}</body></html>"))
    answer = page("html", id)
    policy = answer["Content-Security-Policy"]
    assert HOSTILE in answer.content.decode()
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    sandbox = next(part for part in policy.split(";") if part.split()[0] == "sandbox")
    assert "allow-scripts" not in sandbox
    assert "allow-same-origin" not in sandbox
    assert "allow-forms" not in sandbox


def test_the_page_frames_the_mail_and_never_holds_its_html(page, path):
    id = keep(path, mail("Framed", "a@post.example", html="<marquee>Only inside</marquee>"))
    shown = page("mail", id).content.decode()
    assert f'src="{reverse("demo:html", args=[id])}"' in shown
    assert "<marquee>" not in shown


def test_a_mail_of_the_ledger_names_its_person_and_says_why_it_came(page, path):
    ann = make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=make_mailing(),
        subscriber=ann,
        address_key=ann.address_key,
        created_at=NOW,
        trace={"greeting": "informal", "name": "Ann"},
    )
    id = keep(path, mail("For Ann", "ann.whitaker@post.example", X_Personalize_Message=str(message.uuid)))
    shown = page("mail", id).content.decode()
    assert "Ann Whitaker" in shown
    assert "Winter tables" in shown
    assert "Greeted as Ann." in shown


def test_a_mail_from_elsewhere_is_shown_as_such(page, path):
    id = keep(path, mail("Stray", "a@post.example", X_Personalize_Message=str(uuid.uuid4())))
    assert "It names no message of the ledger" in page("mail", id).content.decode()


def test_search_finds_by_address_and_keeps_the_rest_out(page, path):
    keep(path, mail("First", "ann@post.example"), to="ann@post.example")
    keep(path, mail("Second", "liam@home.example"), to="liam@home.example")
    shown = page("caught", q="LIAM").content.decode()
    assert "Second" in shown
    assert "First" not in shown


def test_older_mails_are_one_click_away(page, path):
    for number in range(52):
        keep(path, mail(f"Subject no. {number}.", "a@post.example"))
    first = page("caught")
    assert "Subject no. 1." not in first.content.decode()
    older = page("caught", before=first.context["older"]).content.decode()
    assert "Subject no. 1." in older
    assert "Subject no. 2." not in older


def test_a_mail_that_is_not_there_is_not_found(page):
    assert page("mail", 7).status_code == 404
    assert page("html", 7).status_code == 404


def test_outside_of_the_demo_there_is_no_such_page(page, path, settings):
    id = keep(path, mail("Hidden", "a@post.example"))
    settings.DEMO = False
    assert page("caught").status_code == 404
    assert page("html", id).status_code == 404


def test_strangers_are_sent_to_log_in(client, db, path):
    id = keep(path, mail("Private", "a@post.example"))
    for name, args in (("caught", []), ("mail", [id]), ("html", [id])):
        answer = client.get(reverse(f"demo:{name}", args=args))
        assert answer.status_code == 302
        assert reverse("accounts:login") in answer["Location"]


def test_links_and_pictures_are_counted_without_the_tracking_pixel():
    parts = anatomy(
        '<a href="https://a.example">a</a><a href="javascript:alert(1)">b</a><a href="mailto:x@y.example">c</a>'
        '<img src="x" alt="A mug"><img src="y"><img src="pixel" width="1" height="1" alt="">'
    )
    assert (parts.links, parts.pictures, parts.told) == (["https://a.example"], 2, 1)


def test_the_dark_look_turns_on_the_rules_the_mail_brings():
    html = "<head><style>@media (prefers-color-scheme: dark) { body { color: #eee } }</style></head>"
    assert "@media all {" in as_shown(html, dark=True)
    assert "prefers-color-scheme: dark" in as_shown(html, dark=False)


def test_pictures_and_links_of_an_earlier_start_are_asked_of_this_one():
    html = (
        '<img src="http://127.0.0.1:41234/static/demo/scenes/dusk.jpg"><a href="https://127.0.0.1.example:80/x">x</a>'
    )
    home = at_home(html, base_url="http://127.0.0.1:8000")
    assert 'src="http://127.0.0.1:8000/static/demo/scenes/dusk.jpg"' in home
    assert 'href="https://127.0.0.1.example:80/x"' in home
