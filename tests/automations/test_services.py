"""Making, publishing and turning off automations."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.automations import services
from campaigns.automations.models import Automation
from campaigns.automations.types import AutomationState
from campaigns.delivery.models import Mailing
from campaigns.delivery.types import Gate
from personalize.accounts.models import User
from personalize.content.services import create_template
from segments.subscribers.services import define_attribute
from tests.factories import make_sender, make_topic

pytestmark = pytest.mark.usefixtures("brand")
GONE = "00000000-0000-4000-8000-00000000dead"


def make_welcome(maya: User, **parts: Any) -> Automation:
    template = create_template(
        name="Welcome",
        subject="Welcome",
        preheader="",
        blocks=[{"id": "t", "type": "text", "text": "{{ greeting }}"}, {"id": "foot", "type": "footer"}],
        actor=maya,
    )
    definition = {
        "v": 1,
        "trigger": {"on": "subscribed"},
        "steps": [{"id": "hello", "type": "mail", "template": str(template.uuid)}],
    }
    given = {"topic": make_topic(), "sender": make_sender(), "definition": definition, **parts}
    return services.create_automation(name="Welcome", actor=maya, **given)


def test_publishing_freezes_a_version_whose_mails_may_leave(maya):
    automation = make_welcome(maya)
    version = services.publish(automation=automation, actor=maya)
    assert not isinstance(version, list), version
    assert automation.state == AutomationState.LIVE
    assert automation.live == version
    assert services.step_mailing(version, "hello").gate == Gate.OPEN


def test_an_edit_of_the_draft_leaves_what_is_live_alone(maya):
    automation = make_welcome(maya)
    version = services.publish(automation=automation, actor=maya)
    assert services.save_draft(automation=automation, lock_version=0, actor=maya, draft=dict(services.EMPTY))
    automation.refresh_from_db()
    assert automation.live == version
    assert automation.live.definition != automation.draft


def test_an_edit_over_somebody_elses_is_refused(maya, priya):
    automation = make_welcome(maya)
    assert services.save_draft(automation=automation, lock_version=0, actor=maya, description="first")
    assert not services.save_draft(automation=automation, lock_version=0, actor=priya, description="second")
    automation.refresh_from_db()
    assert automation.description == "first"


def test_what_lacks_a_topic_or_whose_template_is_gone_is_not_published(maya):
    automation = make_welcome(maya, topic=None)
    problems = services.publish(automation=automation, actor=maya)
    assert isinstance(problems, list)
    assert [problem.field for problem in problems] == ["topic"]
    assert not Mailing.objects.exists()


def test_off_holds_the_mails_and_on_lets_them_leave_again(maya):
    automation = make_welcome(maya)
    version = services.publish(automation=automation, actor=maya)
    assert not isinstance(version, list)
    assert services.turn_off(automation=automation, actor=maya)
    assert not services.turn_off(automation=automation, actor=maya)
    assert services.step_mailing(version, "hello").gate == Gate.HELD
    assert services.turn_on(automation=automation, actor=maya)
    assert services.step_mailing(version, "hello").gate == Gate.OPEN


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"type": "mail", "template": GONE}, "template"),
        ({"type": "wait_date", "field": "renewal"}, "field"),
        ({"type": "set", "attribute": "shoe_size", "value": 7}, "attribute"),
        ({"type": "list", "list": GONE}, "list"),
        ({"type": "topic", "topic": "fish"}, "topic"),
        ({"type": "webhook", "endpoint": GONE}, "endpoint"),
    ],
)
def test_what_names_something_that_is_not_there_is_not_published(maya, step, field):
    definition = {"v": 1, "trigger": {"on": "call"}, "steps": [{"id": "it", **step}]}
    automation = make_welcome(maya, definition=definition)
    assert [(one.step, one.field) for one in services.problems_of(automation)] == [("it", field)]


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        ({"on": "date", "field": "renewal"}, "trigger.field"),
        ({"on": "subscribed", "topic": "fish"}, "trigger.topic"),
        ({"on": "joined", "segment": GONE}, "trigger.segment"),
    ],
)
def test_a_trigger_on_something_that_is_not_there_is_not_published(maya, trigger, field):
    definition = {"v": 1, "trigger": trigger, "steps": [{"id": "it", "type": "wait", "for": [1, "days"]}]}
    automation = make_welcome(maya, definition=definition)
    assert [(one.step, one.field) for one in services.problems_of(automation)] == [("", field)]


def test_a_value_that_the_attribute_does_not_take_is_in_the_way_of_publishing(maya):
    define_attribute(key="visits", label="Visits", type="int", actor=maya)
    for value, wrong in (("often", True), (7, False), (None, False)):
        step = {"id": "set", "type": "set", "attribute": "visits", "value": value}
        draft = {"v": 1, "trigger": {"on": "call"}, "steps": [step]}
        made = services.create_automation(name=f"Sets {value}", definition=draft, actor=maya)
        assert [(one.step, one.field) for one in services.problems_of(made)] == ([("set", "value")] if wrong else [])
