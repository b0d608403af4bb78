"""Rules about what brought somebody in, asked of messages and enrolments."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import BooleanField, ExpressionWrapper

from campaigns.automations.models import Enrolment
from campaigns.delivery.models import Message
from segments.segmentation import services
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from tests.factories import NOW, make_automation, make_enrolment, make_subscriber
from tests.segmentation.messages import make_messages

CART = {
    "about": "cart",
    "event": "cart_updated",
    "key": "C-1",
    "total": 860_000,
    "products": ["MUG", "TEA"],
    "data": {"gift": True, "size": 12, "price": 1.5, "note": "a \"quoted\" 'one'", "list": [1]},
}


def rule(trigger: str, op: str, value: Any) -> dict[str, Any]:
    return {"v": 1, "trigger": trigger, "op": op, "value": value}


def holds(raw: dict[str, Any], context: dict[str, Any] = CART) -> bool:
    """Whether the rule holds, which messages and enrolments must agree about."""
    person = make_subscriber()
    enrolment = make_enrolment(make_automation(f"A{person.pk}"), person, context=context)
    message = make_messages(person).get() if not Message.objects.exists() else Message.objects.get()
    Message.objects.filter(pk=message.pk).update(context=context)
    condition = services.condition(rule=raw, as_of=NOW, person="subscriber")
    answers = [
        rows.annotate(holds=ExpressionWrapper(condition, output_field=BooleanField())).values_list("holds", flat=True)[
            0
        ]
        for rows in (Enrolment.objects.filter(pk=enrolment.pk), Message.objects.filter(pk=message.pk))
    ]
    assert answers[0] is answers[1]
    return bool(answers[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (rule("total", ">", 80), True),
        (rule("total", ">", 86), False),
        (rule("total", ">=", 86), True),
        (rule("total", "<", 86.01), True),
        (rule("total", "is", 86), True),
        (rule("total", "is_not", 86), False),
        (rule("lines", ">=", 2), True),
        (rule("lines", "<", 2), False),
        (rule("products", "contains_any", ["MUG", "PAN"]), True),
        (rule("products", "contains_all", ["MUG", "PAN"]), False),
        (rule("event", "is", "cart_updated"), True),
        (rule("event", "in", ["checkout_started"]), False),
        (rule("about", "is", "cart"), True),
        (rule("years", ">=", 0), False),
        (rule("data.gift", "is", True), True),
        (rule("data.gift", "is", "true"), False),
        (rule("data.size", ">", 11), True),
        (rule("data.price", "<=", 1.5), True),
        (rule("data.note", "is", "a \"quoted\" 'one'"), True),
        (rule("data.note", ">", 1), False),
        (rule("data.list", "is", 1), False),
        (rule("data.unknown", "is_not", "x"), False),
    ],
)
def test_it_compares_what_brought_the_person_in(raw: dict[str, Any], expected: bool):
    assert holds(raw) is expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    "context", [{}, {"total": None, "products": None}, {"total": "90", "products": "MUG"}, {"data": 3}]
)
@pytest.mark.parametrize(
    "raw", [rule("total", ">", 80), rule("lines", ">=", 0), rule("data.x", "is_not", 1), rule("total", "is_not", 1)]
)
def test_what_is_missing_or_of_another_type_is_false_and_never_null(raw: dict[str, Any], context: dict[str, Any]):
    assert holds(raw, context) is False
    assert holds({"v": 1, "none": [{key: raw[key] for key in raw if key != "v"}]}, context) is True


@pytest.mark.django_db
def test_of_a_person_alone_it_is_false():
    make_subscriber()
    assert services.count(rule=rule("total", ">=", 0), as_of=NOW) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (rule("worth", ">", 80), "trigger"),
        (rule("data.", "is", 80), "trigger"),
        (rule("data.a b", "is", 80), "trigger"),
        (rule("total", "contains", 80), "op"),
        (rule("total", ">", "80"), "value"),
        (rule("total", ">", 0.00001), "value"),
        (rule("lines", ">", 1.5), "value"),
        (rule("products", "contains_any", []), "value"),
        (rule("data.x", ">", "80"), "value"),
        ({"v": 1, "trigger": "total", "op": ">"}, ""),
        ({**rule("total", ">", 1), "unit": "GBP"}, "unit"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(raw: dict[str, Any], path: str):
    with pytest.raises(RuleError) as error:
        parse(raw)
    assert error.value.path == path


@pytest.mark.usefixtures("brand")
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (rule("total", ">", 80), "People whose cart or order is worth more than £80."),
        (rule("total", "<=", 79.5), "People whose cart or order is worth at most £79.50."),
        (rule("lines", ">=", 2), "People whose number of products in the cart or order is at least 2."),
        (rule("products", "contains_any", ["MUG"]), "People whose cart or order includes ‘MUG’."),
        (rule("data.gift", "is", True), "People who came in by something whose gift is yes."),
    ],
)
def test_it_reads_as_a_sentence(raw: dict[str, Any], words: str):
    assert sentence(parse(raw)) == words
