"""What happens when a template is saved as a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from personalize.accounts.models import AuditEntry, User
from personalize.content import services
from personalize.content.models import Template, TemplateVersion
from personalize.content.types import Problem
from personalize.rendering import links
from segments.subscribers.models import AttributeDefinition
from tests.content.conftest import FOOTER, SHOP, blocks

Write = Callable[..., Template]
Save = Callable[..., TemplateVersion]


def _problems(template: Template, actor: User, **options: Any) -> list[Problem]:
    found = services.save_version(template=template, actor=actor, **options)
    assert isinstance(found, list)
    return found


def test_versions_are_numbered_and_the_same_content_gives_the_same_version(write: Write, priya: User):
    template = write()
    first = services.save_version(template=template, actor=priya)
    again = services.save_version(template=template, actor=priya)
    assert isinstance(first, TemplateVersion)
    assert first == again
    assert services.update_template(
        template=template,
        lock_version=0,
        actor=priya,
        name=template.name,
        subject="Another subject",
        preheader="",
        blocks=blocks(),
    )
    second = services.save_version(template=template, actor=priya)
    assert isinstance(second, TemplateVersion)
    assert (first.number, second.number) == (1, 2)
    first.refresh_from_db()
    assert first.subject == "{{ greeting }} your winter table"


def test_somebody_who_was_slower_does_not_overwrite_a_template(write: Write, priya: User):
    template = write()
    change: dict[str, Any] = {"name": "Winter", "subject": "x", "preheader": "", "blocks": blocks()}
    assert services.update_template(template=template, lock_version=0, actor=priya, **change)
    assert not services.update_template(template=template, lock_version=0, actor=priya, **{**change, "name": "Lost"})
    template.refresh_from_db()
    assert template.name == "Winter"


def test_saving_leaves_a_trace(save: Save, priya: User):
    save()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["template.create", "template.version"]


def test_a_marketing_mail_without_a_footer_is_refused(write: Write, priya: User):
    template = write(blocks=[block for block in blocks() if block is not FOOTER])
    (problem,) = _problems(template, priya)
    assert "footer" in problem.message
    assert isinstance(services.save_version(template=template, actor=priya, marketing=False), TemplateVersion)


def test_an_unknown_field_is_refused_with_its_place_and_the_nearest_field(write: Write, priya: User):
    template = write({"id": "typo", "type": "text", "text": "{{ subscriber.frist_name }}"})
    (problem,) = _problems(template, priya)
    assert (problem.block, problem.field) == ("typo", "text")
    assert "“subscriber.frist_name”" in problem.message
    assert "“subscriber.first_name”" in problem.message


def test_a_field_in_the_subject_is_checked_too(write: Write, priya: User):
    (problem,) = _problems(write(subject="{{ settings.SECRET_KEY }}"), priya)
    assert (problem.block, problem.field) == ("", "subject")


def test_an_attribute_is_a_field_as_soon_as_it_is_defined(write: Write, priya: User):
    template = write({"id": "tier", "type": "text", "text": "{{ subscriber.tier }}"})
    assert _problems(template, priya)
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text")
    version = services.save_version(template=template, actor=priya)
    assert isinstance(version, TemplateVersion)
    assert "subscriber.tier" in version.fields


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"id": "b", "type": "text", "text": "one\n{{ greeting"}, "text"),
        ({"id": "b", "type": "text", "text": "{% if greeting %}never closed"}, "text"),
        ({"id": "b", "type": "text", "text": "{{ subscriber.first_name.upper() }}"}, "text"),
        ({"id": "b", "type": "text", "text": "[x](javascript:alert)"}, "text"),
        ({"id": "b", "type": "button", "label": "x", "url": "javascript:alert(1)"}, "url"),
        ({"id": "b", "type": "button", "label": "x", "url": "//evil.example"}, "url"),
        ({"id": "b", "type": "button", "label": "x", "url": "https://{{ subscriber.city }}.example/x"}, "url"),
        ({"id": "b", "type": "button", "label": "", "url": SHOP}, "label"),
        ({"id": "b", "type": "button", "label": "x", "url": SHOP, "colour": "pink"}, "colour"),
        ({"id": "b", "type": "image", "src": "data:image/png;base64,x", "alt": "x"}, "src"),
        ({"id": "b", "type": "products", "limit": 13}, "limit"),
        ({"id": "b", "type": "products", "in_stock": "yes"}, "in_stock"),
        ({"id": "b", "type": "video"}, "type"),
        ({"id": "b", "type": "text", "text": "x", "script": "y"}, "script"),
        ({"id": "B!", "type": "divider"}, "id"),
        ({"id": "hello", "type": "divider"}, "id"),
        ({"id": "b", "type": "text", "text": "x", "show_when": {"v": 1, "all": [{"attr": "nope"}]}}, "show_when"),
    ],
)
def test_what_is_wrong_is_said_with_block_and_field(write: Write, priya: User, block: dict[str, Any], field: str):
    (problem,) = _problems(write(block), priya)
    assert (problem.block, problem.field) == (block["id"], field)
    assert problem.message


@pytest.mark.parametrize("raw", [None, "x", {"id": "a"}, [1], [None], [{"id": "d", "type": "divider"}] * 61])
def test_blocks_that_are_no_blocks_are_refused(write: Write, priya: User, raw: Any):
    template = write()
    template.blocks = raw
    assert _problems(template, priya)


def test_the_tracked_mail_has_placeholders_and_the_untracked_one_plain_addresses(save: Save):
    version = save()
    numbers = {row["url"]: row["number"] for row in version.links}
    tracked, untracked = version.compiled["html_tracked"], version.compiled["html_untracked"]
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    assert links.sentinel(str(numbers[f"{SHOP}/winter"])) in tracked
    assert f"{SHOP}/winter" not in tracked
    assert f'href="{SHOP}/winter"' in untracked
    assert f'href="{SHOP}/tables?a=1&amp;b=2"' in untracked
    assert links.sentinel("1") not in untracked
    assert "links.open" in tracked
    assert "links.open" not in untracked
    assert f"{SHOP}/tables?a=1&b=2" in version.compiled["text_untracked"]
    assert links.sentinel(str(numbers[f"{SHOP}/winter"])) in version.compiled["text_tracked"]


def test_the_table_of_links_says_where_each_stands(save: Save):
    rows = {row["block"]: (row["label"], row["url"]) for row in save().links}
    assert rows["go"] == ("See winter tables", f"{SHOP}/winter")
    assert rows["words"] == ("the tables", f"{SHOP}/tables?a=1&b=2")


def test_an_address_with_a_merge_field_is_encoded_and_not_counted(save: Save):
    version = save({"id": "near", "type": "button", "label": "Near you", "url": SHOP + "/?c={{ subscriber.city }}"})
    assert "near" not in {row["block"] for row in version.links}
    assert "?c={{ (subscriber.city) | urlencode }}" in version.compiled["html_tracked"]


def test_the_mail_loads_nothing_from_anybody_else(save: Save):
    html = save().compiled["html_untracked"]
    assert "fonts.googleapis" not in html
    assert "mjml.io" not in html
    assert "<script" not in html


def test_what_people_write_in_a_block_is_text_and_not_html(save: Save):
    html = save({"id": "x", "type": "text", "text": "<script>alert(1)</script> **bold** *soft*"}).compiled[
        "html_tracked"
    ]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>bold</b> <i>soft</i>" in html


def test_the_brands_colours_are_taken_over_and_nothing_else_is(save: Save, brand: Any):
    brand.style = {"clay": "#123456", "link": "red;} body{display:none", "heading_font": "Lora, serif"}
    brand.save()
    html = save({"id": "c", "type": "button", "label": "x", "url": SHOP, "colour": "clay"}).compiled["html_tracked"]
    assert "#123456" in html
    assert "display:none}" not in html.replace(" ", "")
    assert "Lora" in html
