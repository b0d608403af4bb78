"""What uses what: nothing is deleted or turned in a circle under those who rely on it, from no door."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.automations.models import Automation
from campaigns.automations.services import problems_of
from campaigns.scheduled.models import Campaign
from personalize.accounts.models import AuditEntry
from personalize.content.models import Template
from personalize.core import registries
from segments.segmentation import services
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError
from segments.segmentation.services import Refused, Used
from segments.subscribers.models import AttributeDefinition, StaticList
from segments.subscribers.services import define_attribute, delete_attribute
from tests.factories import NOW, make_automation, make_product, make_topic

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "is", "value": "GB"}
WAIT = {"id": "wait", "type": "wait", "for": [1, "days"]}


@pytest.fixture
def british(maya: Any) -> Segment:
    return services.create_segment(name="British", rule=GB, actor=maya)


def names(segment: Segment) -> dict[str, str]:
    return {use[0]: str(edited) for use, edited in registries.touched_by_edit("segment", segment)}


def use_everywhere(segment: Segment) -> None:
    """Something of every kind that can use a segment."""
    rule = {"segment": str(segment.uuid)}
    Segment.objects.create(name="Outer", rule={"any": [rule]}, created_at=NOW, updated_at=NOW)
    blocks = [{"id": "b", "type": "text", "text": "x", "show_when": {"all": [rule]}}]
    Template.objects.create(name="Winter", subject="x", blocks=blocks, created_at=NOW, updated_at=NOW)
    fields: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}
    Campaign.objects.create(name="Draft", segment=segment, **fields)
    Campaign.objects.create(name="Without them", excluded=segment, **fields)
    frozen = {"segment": {"all": [rule]}, "excluded": None}
    Campaign.objects.create(name="On its way", state="scheduled", send_at=NOW, audience_rule=frozen, **fields)
    sent = {**frozen, "segment": GB}
    Campaign.objects.create(name="Sent", state="finished", segment=segment, send_at=NOW, audience_rule=sent, **fields)
    joined = {"v": 1, "trigger": {"on": "joined", "segment": str(segment.uuid)}, "steps": [WAIT]}
    make_automation("Follower", definition=joined)
    where = [{"field": "subject", "op": "is", "value": str(segment.uuid)}]
    exits = [{"event": "segment_left", "where": where, "reason": "left"}]
    make_automation("Leaver", definition={"v": 1, "trigger": {"on": "call"}, "exits": exits, "steps": [WAIT]})


def test_a_used_segment_is_not_deleted_and_its_users_are_named_with_what_an_edit_does_to_them(
    british: Segment, maya: Any
) -> None:
    use_everywhere(british)
    refused = services.delete_segment(segment=british, actor=maya)
    assert isinstance(refused, Used)
    users = {"Outer", "Winter", "Draft", "Without them", "On its way", "Sent", "Follower", "Leaver"}
    assert {label for label, _state, _url in refused.by} == users
    assert "‘Winter’" in str(refused)
    assert Segment.objects.filter(pk=british.pk).exists()
    edited = names(british)
    assert set(edited) == users
    assert "brings nobody in" in edited["Follower"]
    assert "once it is scheduled" in edited["Draft"]
    assert "keeps the rule" in edited["Sent"]
    assert "stays as it was scheduled" in edited["On its way"]
    assert "blocks" in edited["Winter"]


def test_a_segment_that_nothing_uses_is_deleted_once_and_on_the_trail(british: Segment, maya: Any) -> None:
    assert services.delete_segment(segment=british, actor=maya, lock_version=7) is Refused.CHANGED_MEANWHILE
    assert services.delete_segment(segment=british, actor=maya, lock_version=0) is None
    assert not Segment.objects.exists()
    assert AuditEntry.objects.filter(action="segment.delete").count() == 1


def test_the_administration_names_what_stands_in_the_way(client: Client, maya: Any, british: Segment) -> None:
    maya.is_staff = maya.is_superuser = True
    maya.save()
    client.force_login(maya)
    url = reverse("admin:segmentation_segment_delete", args=[british.pk])
    many = {"action": "delete_selected", "_selected_action": [british.pk], "post": "yes"}
    make_automation(
        "Follower", definition={"v": 1, "trigger": {"on": "joined", "segment": str(british.uuid)}, "steps": []}
    )
    assert "Follower" in client.get(url).content.decode()
    client.post(url, {"post": "yes"})
    client.post(reverse("admin:segmentation_segment_changelist"), many)
    assert Segment.objects.exists()
    Automation.objects.update(draft={}, live=None, state="draft")
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not Segment.objects.exists()


def test_a_circle_is_refused_by_the_administration_too(client: Client, maya: Any, british: Segment) -> None:
    maya.is_staff = maya.is_superuser = True
    maya.save()
    client.force_login(maya)
    outer = services.create_segment(name="Outer", rule={"any": [{"segment": str(british.uuid)}]}, actor=maya)
    url = reverse("admin:segmentation_segment_change", args=[british.pk])
    form = {"name": "British", "description": "", "rule": f'{{"all": [{{"segment": "{outer.uuid}"}}]}}'}
    assert "contain itself" in client.post(url, form).content.decode()
    with pytest.raises(RuleError, match="contain itself"):
        services.update_segment(
            segment=british, lock_version=0, name="British", rule={"segment": str(outer.uuid)}, actor=maya
        )


def test_topics_lists_products_and_fields_know_the_rules_that_name_them(maya: Any) -> None:
    topic, product = make_topic("news"), make_product("85123A")
    guests = StaticList.objects.create(name="Guests", created_at=NOW)
    define_attribute(key="shoe_size", label="Shoe size", type="int", actor=maya)
    field = AttributeDefinition.objects.get(key="shoe_size")
    bought = {"field": "product", "op": "in", "value": ["85123A", "X"]}
    rule = {
        "all": [
            {"topic": "news", "is": "subscribed"},
            {"list": str(guests.uuid).upper(), "is": "in"},
            {"attr": "shoe_size", "op": ">", "value": 40},
            {"orders": {"metric": "count", "op": ">=", "value": 1, "where": [bought]}},
        ]
    }
    services.create_segment(name="All of it", rule=rule, actor=maya)
    for kind, target in (("topic", topic), ("product", product), ("list", guests), ("attribute", field)):
        assert [use[0] for use in registries.uses_of(kind, target)] == ["All of it"], kind
    assert delete_attribute(definition=field, actor=maya) is not None


def test_an_automation_whose_segment_broke_says_so_on_its_page(client: Client, maya: Any, british: Segment) -> None:
    entry = {"rule": {"segment": str(british.uuid)}}
    automation = make_automation(definition={"v": 1, "trigger": {"on": "call"}, "entry": entry, "steps": [WAIT]})
    assert not problems_of(automation)
    Segment.objects.update(rule={"attr": "gone", "op": "is_known"})
    [problem] = problems_of(automation)
    assert "In ‘British’: attr: There is no field ‘gone’." in problem.message
    client.force_login(maya)
    assert (
        "There is no field ‘gone’" in client.get(reverse("automations:detail", args=[automation.uuid])).content.decode()
    )


def test_the_dashboard_deletes_only_what_nothing_uses_and_only_for_those_who_may(
    client: Client, priya: Any, alan: Any, british: Segment
) -> None:
    url, page = (reverse(f"segmentation:{name}", args=[british.uuid]) for name in ("delete", "detail"))
    client.force_login(alan)
    assert client.post(url).status_code == 403
    client.force_login(priya)
    outer = services.create_segment(name="Outer", rule={"any": [{"segment": str(british.uuid)}]}, actor=priya)
    shown = client.get(page).content.decode()
    assert "‘British’ cannot be deleted while it is used" in shown
    assert f'action="{url}"' not in shown
    assert "is used by ‘Outer’" in client.post(url, follow=True).content.decode()
    outer.delete()
    assert f'action="{url}"' in client.get(page).content.decode()
    assert "‘British’ is deleted." in client.post(url, follow=True).content.decode()
    assert not Segment.objects.exists()


def test_the_pages_of_topics_and_products_say_what_uses_them(client: Client, maya: Any) -> None:
    topic, product = make_topic("news"), make_product("85123A")
    bought = {"field": "product", "op": "is", "value": "85123A"}
    orders = {"orders": {"metric": "count", "op": ">=", "value": 1, "where": [bought]}}
    services.create_segment(name="Both", rule={"all": [{"topic": "news", "is": "pending"}, orders]}, actor=maya)
    client.force_login(maya)
    for url in (reverse("consent:topic_edit", args=[topic.key]), reverse("commerce:product", args=[product.uuid])):
        assert "Both</a>" in client.get(url).content.decode(), url
