"""Loads what a batch of people's mails is rendered from, with a number of queries that does not depend on the people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, QuerySet

from personalize.accounts.models import Brand
from personalize.content import languages, subjects
from personalize.content.fields import COLUMNS
from personalize.content.models import TemplateVersion
from personalize.content.subjects import Refreshed
from personalize.content.types import PersonContext
from personalize.recommendations.serving import recommend
from personalize.recommendations.types import ProductRequest, Recommendation
from personalize.rendering import fields as merge_fields
from personalize.rendering import greetings, headers, links
from personalize.rendering.limits import TEXT
from segments.commerce.models import Product
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.parse import parse
from segments.subscribers.models import Tracking

_PERSON = (
    *("id", "uuid", "email", "first_name", "last_name", "preferred_name", "title", "language"),
    *("country", "region", "city", "postal_code", "attributes", "tracking"),
)
# What the rows bring when they are messages: the event behind them, and the topic they are sent for.
_MESSAGE = {"trigger": "context", "topic": "mailing__topic__name", "frequency": "mailing__topic__frequency"}
_COLUMN_KEYS = frozenset(field.key.partition(".")[2] for field in COLUMNS)

MOST_SPARE = 20
"""How many recommended products may fall out of a mail, because it is about them, before it shows fewer of them."""

Row = dict[str, Any]


def prepare(
    *,
    version: TemplateVersion,
    people: QuerySet[Any],
    person: str,
    as_of: dt.datetime,
    brand: Brand,
    language: str | None = None,
    trigger: Mapping[str, Any] | None = None,
    required: Sequence[str] = (),
) -> dict[Any, PersonContext]:
    """What each person's mail needs, by the primary key of the rows in ``people``.

    ``people`` are rows of Message with ``person="subscriber"``, or of Subscriber with ``person=""``. ``as_of`` bounds
    dated facts in rules and recommendations. ``language`` overrides the language of everybody and ``trigger`` stands where
    rows bring no trigger of their own, both for previews. ``required`` names first words of fields, such as trigger: one
    of theirs that is empty fails the mail unless it has a default. Only fields the version reads are handed on. ``data["links"]`` holds placeholders and each product's ``href`` its plain address:
    who sends the mail puts tracked addresses in their place. The cart, order or product that a trigger is about is read
    again; who has a block that shows it, and nothing left in it, has a ``skip``.
    """
    rows = _rows(version, people, person, as_of)
    given = Refreshed(dict(trigger or {}), nothing_left=False, total=0)
    triggers = _triggers(version, rows, as_of) if person else dict.fromkeys(rows, given)
    ids = list(dict.fromkeys(row["id"] for row in rows.values()))
    spare = min(max((len(_codes(one)) for one in triggers.values()), default=0), MOST_SPARE)
    products = _products(version, ids, as_of, spare=spare)
    loaded = _loaded(version, ids, as_of, language or brand.language)
    fallbacks = _fallbacks(version)
    return {
        pk: _context(
            {"required": required, **row},
            triggers[pk],
            version,
            brand,
            language or row["language"] or brand.language,
            products,
            loaded,
            fallbacks,
        )
        for pk, row in rows.items()
    }


def _rows(version: TemplateVersion, people: QuerySet[Any], person: str, as_of: dt.datetime) -> dict[Any, Row]:
    """One query: the columns of each person, and for each rule of the version whether it holds."""
    prefix = f"{person}__" if person else ""
    columns = {name: f"{prefix}{name}" for name in _PERSON}
    if person:
        columns |= _MESSAGE
    shows = {
        f"shows_{position}": ExpressionWrapper(
            compile_rule(parse(rule), as_of=as_of, person=person, few=True), output_field=BooleanField()
        )
        for position, rule in enumerate(version.rules.values())
    }
    rows: dict[Any, Row] = {}
    for pk, *values in people.order_by().annotate(**shows).values_list("pk", *columns.values(), *shows):
        row = dict(zip([*columns, *shows], values, strict=True))
        row["show"] = {block: bool(row[f"shows_{position}"]) for position, block in enumerate(version.rules)}
        rows[pk] = row
    return rows


def _triggers(version: TemplateVersion, rows: Mapping[Any, Row], as_of: dt.datetime) -> dict[Any, Refreshed]:
    """What triggered each mail, as it is now; at most a handful of queries, and none for mails that do not speak of it."""
    contexts = {pk: row["trigger"] or {} for pk, row in rows.items()}
    if any(path.partition(".")[0] == "trigger" for path in version.fields) or subjects.shows(version.blocks):
        return subjects.refresh(contexts, as_of, {pk: row["id"] for pk, row in rows.items()})
    return {pk: Refreshed(dict(context), nothing_left=False, total=0) for pk, context in contexts.items()}


def _codes(triggered: Refreshed) -> list[str]:
    """The products that the mail is about, which nobody needs to be recommended."""
    codes = triggered.context.get("products")
    return codes if isinstance(codes, list) else []


def _products(
    version: TemplateVersion, ids: list[int], as_of: dt.datetime, *, spare: int
) -> dict[str, dict[int, list[tuple[Recommendation, Product]]]]:
    """For each product block and person the products to show, in order, and ``spare`` ones for those that fall out."""
    if not version.products:
        return {}
    requests = {
        block: ProductRequest(**{**asked, "limit": asked["limit"] + spare}) for block, asked in version.products.items()
    }
    chosen = recommend(requests=requests, subscriber_ids=ids, as_of=as_of)
    wanted = {one.product_id for people in chosen.values() for found in people.values() for one in found}
    catalogue = Product.objects.in_bulk(wanted)
    return {
        block: {
            id: [(one, catalogue[one.product_id]) for one in found if one.product_id in catalogue]
            for id, found in people.items()
        }
        for block, people in chosen.items()
    }


def _loaded(
    version: TemplateVersion, ids: list[int], as_of: dt.datetime, language: str
) -> dict[str, dict[int, dict[str, Any]]]:
    """The values of further sources the version reads, by source and person."""
    loaded: dict[str, dict[int, dict[str, Any]]] = {}
    for key in sorted({path.split(".")[0] for path in version.fields}):
        source = merge_fields.sources.get(key)
        if source is not None and source.load is not None:
            loaded[key] = source.load(ids, as_of, language)
    return loaded


def _fallbacks(version: TemplateVersion) -> dict[str, dict[str, str]]:
    """The words by language that stand in for each field the version reads; one query, for the attributes."""
    return {one.key: one.fallback for one in merge_fields.sources.all() if one.fallback and one.key in version.fields}


def _context(
    row: Row,
    triggered: Refreshed,
    version: TemplateVersion,
    brand: Brand,
    language: str,
    products: dict[str, dict[int, list[tuple[Recommendation, Product]]]],
    loaded: dict[str, dict[int, dict[str, Any]]],
    fallbacks: dict[str, dict[str, str]],
) -> PersonContext:
    greeting = greetings.greet(row, language=language, formality=brand.formality)
    codes = _codes(triggered)
    mine = {
        block: [found for found in people.get(row["id"], []) if found[1].code not in codes][
            : version.products[block]["limit"]
        ]
        for block, people in products.items()
    }
    trigger = subjects.shown(triggered.context, currency=brand.currency, language=language)
    about = {one.block: one.limit for one in subjects.shows(version.blocks) if one.about == trigger.get("about")}
    data: dict[str, Any] = {
        "language": language,
        "currency": brand.currency,
        "greeting": greeting.text,
        "subscriber": _person(row, version.fields),
        "brand": {"name": brand.name, "postal_address": brand.postal_address, "website": brand.website},
        "topic": {"name": row.get("topic") or "", "frequency": row.get("frequency") or ""},
        "trigger": plain(trigger),
        "required": list(row["required"]),
        "show": row["show"],
        "products": {
            block: [_product(one, product, brand.currency, language) for one, product in found]
            for block, found in mine.items()
        }
        | {block: [_line(line) for line in trigger["lines"][:limit]] for block, limit in about.items()},
        "links": {name: links.sentinel(name) for name in links.NAMED},
        "fallbacks": {key: languages.words(words, language, brand.language) for key, words in fallbacks.items()},
    }
    for source, people in loaded.items():
        data[source] = plain(people.get(row["id"], {}))
    return PersonContext(
        data=data,
        person=row["uuid"],
        tracked=may_be_tracked(row["tracking"], brand),
        trace={
            "greeting": greeting.kind,
            "name": greeting.name,
            "shown": [block for block, shown in row["show"].items() if shown],
            "hidden": [block for block, shown in row["show"].items() if not shown],
            "products": {
                block: [[one.code, str(one.reason), one.rung] for one, _ in found] for block, found in mine.items()
            },
            "fallbacks": [],
        },
        address=row["email"] or "",
        skip="nothing_left" if triggered.nothing_left and any(row["show"].get(block, True) for block in about) else "",
    )


def may_be_tracked(said: str, brand: Brand) -> bool:
    """Whether a person who ``said`` this about tracking allows it; the brand decides for those never asked."""
    return said == Tracking.GRANTED or (said == Tracking.UNKNOWN and brand.track_unknown)


def _person(row: Row, fields: list[str]) -> dict[str, Any]:
    """The person's values that the version reads; names as a mail may say them, everything else cleaned."""
    special: dict[str, Callable[[Row], str]] = {"first_name": greetings.first_name}
    wanted = {path.split(".")[1] for path in fields if path.startswith("subscriber.")}
    values: dict[str, Any] = {}
    for key in sorted(wanted):
        if key in special:
            values[key] = headers.isolate(special[key](row))
        else:
            values[key] = plain(row[key] if key in _COLUMN_KEYS else row["attributes"].get(key))
    return values


def _product(one: Recommendation, product: Product, currency: str, language: str) -> dict[str, Any]:
    return {
        "code": product.code,
        "title": plain(product.title),
        "price": languages.price(product.price, currency, language),
        "url": product.url,
        "image": product.image_url,
        "reason": str(one.reason),
        "href": product.url,
    }


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of what the mail is about, for the block that shows it; its ``href`` can be tracked like any product's."""
    return {**line, "title": plain(line["title"]), "code": str(line["code"])}


def plain(value: Any) -> Any:
    """Data as templates may see it: texts cut and without control characters, right-to-left ones isolated."""
    if isinstance(value, str):
        return headers.isolate(headers.clean(value[:TEXT]))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
