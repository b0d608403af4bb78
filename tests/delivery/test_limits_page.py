"""Settings, Limits: a marketer says how many mails a person gets, reads it back in words, and sees whom it cost a mail."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from campaigns.delivery.limits import turned_away_lately
from campaigns.delivery.models import FrequencyRule, Message
from campaigns.delivery.types import SkipReason
from campaigns.delivery.wording import consequence, sentence
from campaigns.scheduled.models import Campaign
from personalize.accounts.models import AuditEntry
from personalize.core.clock import now
from tests.factories import make_automation, make_follower, make_mailing, make_topic

pytestmark = pytest.mark.django_db
LIMITS = "/settings/limits/"
GOOD = {
    "name": "Week", "most": "3", "window": "rolling", "count": "7", "unit": "day", "topic": "", "owner": "",
    "otherwise": "skip", "wait_hours": "48",
}  # fmt: skip


@pytest.fixture
def page(client, brand, maya):
    client.force_login(maya)
    return client


def test_a_new_limit_is_read_back_as_a_sentence(page):
    assert page.post(LIMITS + "new/", GOOD).status_code == 302
    text = page.get(LIMITS).content.decode()
    assert "At most 3 marketing mails in 7 days, over all." in text
    assert "What is above that is left out." in text
    assert AuditEntry.objects.filter(action="settings.edit").exists()


def test_a_limit_can_be_about_one_automation_and_one_topic(page):
    automation, topic = make_automation("Welcome"), make_topic()
    page.post(LIMITS + "new/", GOOD | {"owner": str(automation.uuid), "topic": str(topic.pk), "otherwise": "defer"})
    rule = FrequencyRule.objects.get()
    assert (rule.owner, rule.topic) == (automation.uuid, topic)
    text = page.get(LIMITS).content.decode()
    assert "At most 3 marketing mails in 7 days, from ‘Welcome’ about ‘News’." in text
    assert "waits for a place, 48 hours at most" in text


def test_a_limit_cannot_be_about_a_campaign_which_sends_once(page):
    campaign = Campaign.objects.create(name="Winter tables", created_at=now(), updated_at=now())
    assert "Winter tables" not in page.get(LIMITS + "new/").content.decode()
    page.post(LIMITS + "new/", GOOD | {"owner": str(campaign.uuid)})
    assert not FrequencyRule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"name": ""}, "name", "required"),
        ({"most": "-1"}, "most", "0"),
        ({"window": "calendar", "count": "2"}, "count", "write 1"),
        ({"window": "calendar", "count": "1", "unit": "hour"}, "unit", "days, weeks and months"),
        ({"most": "0"}, "nothing", "nobody gets any"),
        ({"owner": str(uuid.uuid4())}, "owner", "choice"),
        ({"topic": "77"}, "topic", "choice"),
        ({"count": "0"}, "count", "1"),
        ({"wait_hours": "0", "otherwise": "defer"}, "wait_hours", "1"),
    ],
)
def test_a_limit_that_means_nothing_is_refused_where_it_is_wrong(page, wrong, field, message):
    answer = page.post(LIMITS + "new/", GOOD | wrong)
    assert answer.status_code == 200
    assert message in " ".join(answer.context["form"].errors[field])
    assert not FrequencyRule.objects.exists()


def test_that_nothing_goes_out_has_to_be_said_twice(page):
    assert "nothing" in page.post(LIMITS + "new/", GOOD | {"most": "0"}).content.decode()
    page.post(LIMITS + "new/", GOOD | {"most": "0", "nothing": "on"})
    assert FrequencyRule.objects.get().most == 0
    assert "No marketing mail at all, over all." in page.get(LIMITS).content.decode()


def test_a_name_is_used_once(page):
    page.post(LIMITS + "new/", GOOD)
    assert page.post(LIMITS + "new/", GOOD).context["form"].errors["name"] == ["There is a limit of this name."]


def test_a_limit_is_changed_switched_off_and_on(page):
    page.post(LIMITS + "new/", GOOD)
    rule = FrequencyRule.objects.get()
    page.post(f"{LIMITS}{rule.pk}/", GOOD | {"most": "2"})
    page.post(f"{LIMITS}{rule.pk}/switch/", {"enabled": "0"})
    rule.refresh_from_db()
    assert (rule.most, rule.enabled) == (2, False)
    page.post(f"{LIMITS}{rule.pk}/switch/", {"enabled": "1"})
    rule.refresh_from_db()
    assert rule.enabled


def test_the_page_counts_what_each_limit_left_out(page):
    mailing = make_mailing(make_topic())
    rule = FrequencyRule.objects.create(name="Week", most=1, window="rolling", unit="day", created_at=now())
    by_rule = {"rule": rule.pk, "limit": "Week", "capped_by": []}
    traces: list[dict[str, Any] | None] = [by_rule, by_rule, {"capped_by": []}, None]
    for number, trace in enumerate(traces):
        person = make_follower(mailing.topic)
        Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=person,
            address_key=person.address_key,
            state=5,
            reason=SkipReason.RHYTHM if number == 3 else SkipReason.CAPPED,
            trace=trace,
            created_at=now(),
            settled_at=now(),
        )
    found = turned_away_lately()
    assert (found.by_rule, found.by_day, found.by_rhythm) == ({rule.pk: 2}, 1, 1)
    assert page.get(LIMITS).context["rules"][0][3] == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"most": 1, "unit": "hour", "count": 5}, "At most 1 marketing mail in 5 hours, over all."),
        ({"most": 2, "unit": "month"}, "At most 2 marketing mails in 30 days, over all."),
        ({"most": 2, "unit": "week"}, "At most 2 marketing mails in 1 week, over all."),
        ({"most": 2, "unit": "week", "window": "calendar"}, "At most 2 marketing mails in a week of the calendar, over all."),
        ({"most": 2, "unit": "day", "owner": uuid.uuid4()}, "At most 2 marketing mails in 1 day, from ‘an automation that is gone’."),
    ],
)  # fmt: skip
def test_every_limit_has_its_sentence(fields, words):
    assert sentence(FrequencyRule(**{"window": "rolling", "count": 1, **fields}), {}) == words


def test_a_limit_of_none_lets_nothing_wait():
    rule = FrequencyRule(most=0, window="rolling", unit="day", otherwise="defer")
    assert consequence(rule) == ""


def test_who_may_not_change_settings_does_not_get_in(client, brand, alan):
    client.force_login(alan)
    assert client.get(reverse("delivery:limits")).status_code == 403
