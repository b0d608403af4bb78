"""A mail server's line that breaks: before the end mark the mail waits and goes once, after it the mail is in doubt."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from django.core.mail import EmailMultiAlternatives

from campaigns.delivery import engine
from campaigns.delivery.models import Message, SenderAccount
from campaigns.delivery.outbox import AccountTrouble, Outbox
from campaigns.delivery.types import MessageState
from personalize.core.clock import now
from tests.delivery.conftest import look_on, send
from tests.factories import make_follower
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def mail_to(address: str) -> EmailMultiAlternatives:
    return EmailMultiAlternatives("Hello", "words", "hello@news.alderandwren.example", [address])


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_line_cut_before_the_end_mark_leaves_the_mail_waiting_and_it_goes_once(server, mailing, word):
    people = [str(make_follower(mailing.topic).email) for _ in range(3)]
    server.script.cuts = [word]
    figures = send(mailing)
    assert (figures.open, figures.in_doubt, figures.failed) == (3, 0, 0)
    assert server.addresses() == []
    SenderAccount.objects.update(paused_at=now() - engine.ACCOUNT_REST)
    look_on()
    assert sorted(server.addresses()) == sorted(people)
    assert Message.objects.filter(state=MessageState.SENT, attempt=0).count() == 3


def test_a_line_cut_after_the_end_mark_is_a_doubt_and_the_neighbours_get_their_mail(server, mailing):
    people = [str(make_follower(mailing.topic).email) for _ in range(3)]
    server.script.at_dot[people[1]] = "hang up"
    server.script.accept_then_hang_up = {people[1]}
    figures = send(mailing)
    assert (figures.sent, figures.in_doubt, figures.open) == (2, 1, 0)
    look_on()
    assert sorted(server.addresses()) == sorted(people)


@pytest.mark.parametrize("answer", ["what?", "200 aye", "354 more"])
def test_an_unreadable_answer_to_the_end_mark_is_a_doubt(server, answer):
    server.script.at_dot["ann@post.example"] = answer
    with Outbox(SenderAccount()) as outbox:
        assert outbox.send(mail_to("ann@post.example"), 0).state == MessageState.IN_DOUBT
        assert outbox.send(mail_to("rose@post.example"), 0).state == MessageState.SENT


def test_a_server_that_closes_after_a_refusal_costs_the_next_mail_nothing(server):
    server.script.at_rcpt["ann@post.example"] = "421 4.7.0 enough for one line"
    with Outbox(SenderAccount()) as outbox:
        assert outbox.send(mail_to("ann@post.example"), 0).state == MessageState.READY
        assert outbox.send(mail_to("rose@post.example"), 0).state == MessageState.SENT


def test_a_mail_refused_at_data_does_not_get_into_the_next_one(server):
    server.script.at_data["ann@post.example"] = "451 4.3.0 no room for it"
    with Outbox(SenderAccount()) as outbox:
        assert outbox.send(mail_to("ann@post.example"), 0).state == MessageState.READY
        assert outbox.send(mail_to("rose@post.example"), 0).state == MessageState.SENT
    assert server.addresses() == ["rose@post.example"]


def test_lines_that_begin_with_a_dot_arrive_as_they_were_written(server):
    mail = EmailMultiAlternatives(
        "Hello", ".\n..two\n.one\nend", "hello@news.alderandwren.example", ["ann@post.example"]
    )
    with Outbox(SenderAccount()) as outbox:
        outbox.send(mail, 0)
    [post] = server.accepted
    assert post.text.splitlines() == [".", "..two", ".one", "end"]


def test_after_three_lost_replies_in_a_row_the_fourth_mail_stays_here(server):
    with Outbox(SenderAccount()) as outbox:
        for number in range(3):
            server.script.at_dot[f"p{number}@post.example"] = "hang up"
            assert outbox.send(mail_to(f"p{number}@post.example"), 0).state == MessageState.IN_DOUBT
        with pytest.raises(AccountTrouble, match="replies were lost"):
            outbox.send(mail_to("rose@post.example"), 0)
    assert server.addresses() == []


def test_an_interruption_while_the_reply_is_awaited_leaves_one_doubt_and_gives_the_rest_back(server, mailing):
    people = [str(make_follower(mailing.topic).email) for _ in range(3)]
    server.script.seconds = 3.0

    def interrupt() -> None:
        wait_until(server.addresses)
        os.kill(os.getpid(), signal.SIGINT)

    # Whoever starts the tests in the background of a shell has them ignore this signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            send(mailing)
    finally:
        signal.signal(signal.SIGINT, before)
    states = Message.objects.tally()
    assert (states[MessageState.IN_DOUBT], states[MessageState.READY]) == (1, 2)
    server.script.seconds = 0.0
    look_on()
    assert sorted(server.addresses()) == sorted(people)
