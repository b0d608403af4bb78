"""The pages on which a mail is looked at."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from personalize.accounts.models import User
from personalize.content.models import Template
from tests.factories import make_subscriber


def test_the_list_names_every_template(client: Client, priya: User, write: Callable[..., Template]):
    write(name="Winter tables")
    client.force_login(priya)
    assert "Winter tables" in client.get(reverse("content:templates")).text


def test_an_empty_list_says_what_a_template_is(client: Client, priya: User, brand: object):
    client.force_login(priya)
    assert "No templates yet" in client.get(reverse("content:templates")).text


def test_a_template_is_shown_as_the_person_one_chooses(client: Client, priya: User, write: Callable[..., Template]):
    template = write()
    make_subscriber("bea@post.example", first_name="Bea", last_name="Okoro")
    ann = make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker")
    client.force_login(priya)
    page = client.get(reverse("content:template", args=[template.uuid]), {"person": str(ann.uuid), "as": "text"}).text
    assert "Hi Ann, your winter table" in page
    assert "See winter tables: https://alderandwren.example/winter" in page


def test_people_are_found_by_name(client: Client, priya: User, write: Callable[..., Template]):
    template = write()
    make_subscriber("bea@post.example", first_name="Bea", last_name="Okoro")
    make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker")
    client.force_login(priya)
    page = client.get(reverse("content:template", args=[template.uuid]), {"q": "whit"}).text
    assert "Ann Whitaker" in page
    assert "Bea Okoro" not in page


def test_what_is_wrong_with_a_template_stands_beside_its_block(
    client: Client, priya: User, write: Callable[..., Template]
):
    template = write({"id": "typo", "type": "text", "text": "{{ subscriber.frist_name }}"})
    make_subscriber("ann@post.example", first_name="Ann")
    client.force_login(priya)
    page = client.get(reverse("content:template", args=[template.uuid])).text
    assert "Did you mean “subscriber.first_name”?" in page


def test_the_mail_itself_has_a_policy_that_lets_nothing_run(
    client: Client, priya: User, write: Callable[..., Template]
):
    template = write()
    ann = make_subscriber("ann@post.example", first_name="Ann")
    client.force_login(priya)
    response = client.get(reverse("content:preview", args=[template.uuid, ann.uuid]))
    policy = response.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "Hi Ann," in response.text


def test_a_mail_that_cannot_be_rendered_says_so_in_its_frame(
    client: Client, priya: User, write: Callable[..., Template]
):
    template = write(subject="{{ oops")
    ann = make_subscriber("ann@post.example", first_name="Ann")
    client.force_login(priya)
    response = client.get(reverse("content:preview", args=[template.uuid, ann.uuid]))
    assert response.status_code == 422
    assert "cannot be shown" in response.text


def test_an_analyst_may_not_open_templates(client: Client, alan: User, write: Callable[..., Template]):
    template = write()
    client.force_login(alan)
    assert client.get(reverse("content:templates")).status_code == 403
    assert client.get(reverse("content:template", args=[template.uuid])).status_code == 403
