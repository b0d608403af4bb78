"""Segments for other systems: which there are, whom they mean, and their rules to read and to write."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.db import IntegrityError
from django.http import HttpResponse
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from personalize.accounts.gateway import ApiRequest, Gate, Given, not_found
from personalize.core import clock, registries
from personalize.core.database import OutOfTime, time_limit
from personalize.core.problems import problem
from segments.segmentation import services
from segments.segmentation.audience import planned
from segments.segmentation.belonging import segments_of
from segments.segmentation.counting import count_within
from segments.segmentation.models import Segment, SegmentMode, SegmentSnapshot
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.schema import rule_schema
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.services import Refused
from segments.subscribers.lookup import find_people, reference
from segments.subscribers.models import Subscriber

gate = Gate("Segments")

SECONDS = 5.0
"""How long a count may take before a sample tells it, and a page of people before the request is refused."""

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_RULE = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
RuleJson = Annotated[dict[str, Any], Field(description="Rule JSON, version 1; its schema is at /segments/rule-schema.")]
AsOf = Annotated[
    AwareDatetime | None, Field(description="Orders, events and mails as they were at this time; now when left out.")
]


Mode = Annotated[
    SegmentMode,
    Field(
        description="live: asked whenever it is used; incremental: who comes and goes is noted as it happens; "
        "snapshot: as it was when it was last taken."
    ),
]


class SegmentIn(Given):
    name: Name
    description: Annotated[str, Field(max_length=255)] = ""
    rule: RuleJson
    mode: Mode = SegmentMode.LIVE


class SegmentChange(Given):
    """What is left out stays as it is."""

    name: Name | None = None
    description: Annotated[str | None, Field(max_length=255)] = None
    rule: RuleJson | None = None
    mode: Mode | None = None
    lock_version: Annotated[int, Field(ge=0, le=2**31 - 1, description="As it was read; it rises with every change.")]


class RuleIn(Given):
    rule: RuleJson
    as_of: AsOf = None


class SegmentOut(BaseModel):
    id: uuid.UUID
    name: str
    description: str
    mode: SegmentMode
    updated_at: dt.datetime


class Segments(BaseModel):
    items: list[SegmentOut]
    next: Annotated[uuid.UUID | None, Field(description="Give it as after to get the next page; null at the end.")]


class UserOut(BaseModel):
    name: str
    state: str


class NotedOut(BaseModel):
    people: int
    as_of: dt.datetime


class Wrong(BaseModel):
    at: str
    reason: str


class SegmentWhole(SegmentOut):
    """``problem`` says where and why the rule cannot be asked any more; then there is no ``sentence``.

    ``noted``: who is in it is written down, so many people, as of an instant; null while nobody is.
    """

    rule: dict[str, Any]
    sentence: str
    problem: Wrong | None
    noted: NotedOut | None
    used_by: list[UserOut]
    lock_version: int


class CountOut(BaseModel):
    """``exact`` is false where a sample told it, because counting took too long."""

    people: int
    exact: bool
    as_of: dt.datetime
    sentence: str


class PersonOut(BaseModel):
    id: uuid.UUID
    email: Annotated[str | None, Field(description="Only for keys with the scope subscribers:read.")]


class PeopleOut(BaseModel):
    items: list[PersonOut]
    as_of: dt.datetime
    next: Annotated[uuid.UUID | None, Field(description="Give it as after to get the next page; null at the end.")]


class BelongingOut(BaseModel):
    """``problem``: the segment's rule cannot be asked any more, so nobody knows."""

    id: uuid.UUID
    name: str
    inside: bool
    problem: Wrong | None


class BelongingsOut(BaseModel):
    items: list[BelongingOut]


class Asked(BaseModel):
    outcome: Literal["asked"] = "asked"


class Deleted(BaseModel):
    outcome: Literal["deleted"] = "deleted"


@gate.operation("GET", "/segments", scope="segments:read", response=Segments)
def list_segments(
    request: ApiRequest, after: uuid.UUID | None = None, limit: Annotated[int, Field(ge=1, le=500)] = 100
) -> Segments | HttpResponse:
    """All segments, oldest first, a page at a time. How many people one means is not counted here."""
    segments = Segment.objects.order_by("pk")
    if after is not None:
        last = Segment.objects.filter(uuid=after).values_list("pk", flat=True).first()
        if last is None:
            return not_found(request, what="segment to go on after")
        segments = segments.filter(pk__gt=last)
    page = list(segments[: limit + 1])
    items = [
        SegmentOut(
            id=one.uuid,
            name=one.name,
            description=one.description,
            mode=SegmentMode(one.mode),
            updated_at=one.updated_at,
        )
        for one in page[:limit]
    ]
    return Segments(items=items, next=items[-1].id if len(page) > limit else None)


@gate.operation("GET", "/segments/rule-schema", scope="segments:read", response=dict[str, Any])
def read_rule_schema(request: ApiRequest) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of rules."""
    return rule_schema()


@gate.operation(
    "POST", "/segments", scope="segments:write", response=SegmentWhole, example={"name": "British", "rule": _RULE}
)
def create_segment(request: ApiRequest, payload: SegmentIn) -> SegmentWhole | HttpResponse:
    """Define a segment. A rule that cannot be used is refused, and ``errors`` says where and why."""
    try:
        made = services.create_segment(
            name=payload.name,
            description=payload.description,
            rule=payload.rule,
            mode=payload.mode,
            actor=request.caller,
        )
    except RuleError as error:
        return _cannot_be_used(error)
    except IntegrityError:
        return _taken(payload.name)
    return _whole(made)


@gate.operation("POST", "/segments/count", scope="segments:read", response=CountOut, example={"rule": _RULE})
def count_rule(request: ApiRequest, payload: RuleIn) -> CountOut | HttpResponse:
    """How many people a rule means that is no segment; about how many, where counting takes too long."""
    return _count(payload.rule, payload.as_of)


@gate.operation("GET", "/segments/{segment}", scope="segments:read", response=SegmentWhole)
def read_segment(request: ApiRequest, segment: uuid.UUID) -> SegmentWhole | HttpResponse:
    """One segment with its rule, as JSON and in words, and what uses it."""
    found = _find(segment)
    return _whole(found) if found else not_found(request, what="segment")


@gate.operation(
    "PUT",
    "/segments/{segment}",
    scope="segments:write",
    response=SegmentWhole,
    example={"description": "Everybody in the United Kingdom.", "lock_version": 0},
)
def change_segment(request: ApiRequest, segment: uuid.UUID, payload: SegmentChange) -> SegmentWhole | HttpResponse:
    """Change a segment, unless somebody did since ``lock_version`` was read."""
    found = _find(segment)
    if found is None:
        return not_found(request, what="segment")
    try:
        changed = services.update_segment(
            segment=found,
            lock_version=payload.lock_version,
            name=found.name if payload.name is None else payload.name,
            description=found.description if payload.description is None else payload.description,
            rule=found.rule if payload.rule is None else payload.rule,
            mode=payload.mode,
            actor=request.caller,
        )
    except RuleError as error:
        return _cannot_be_used(error)
    except IntegrityError:
        return _taken(payload.name or "")
    return _changed_meanwhile() if isinstance(changed, Refused) else _whole(changed)


@gate.operation("DELETE", "/segments/{segment}", scope="segments:write", response=Deleted)
def delete_segment(
    request: ApiRequest, segment: uuid.UUID, lock_version: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None
) -> Deleted | HttpResponse:
    """Delete a segment that nothing uses; what does is named in ``errors``."""
    found = _find(segment)
    if found is None:
        return not_found(request, what="segment")
    refused = services.delete_segment(segment=found, actor=request.caller, lock_version=lock_version)
    if refused is None:
        return Deleted()
    if isinstance(refused, Refused):
        return _changed_meanwhile()
    users = [{"at": label, "reason": state} for label, state, _url in refused.by]
    return problem(409, str(refused), errors=users[:50])


@gate.operation("POST", "/segments/{segment}/take", scope="segments:write", response=Asked)
def take_snapshot(request: ApiRequest, segment: uuid.UUID) -> Asked | HttpResponse:
    """Have a snapshot taken anew, within seconds; ``noted`` of the segment says when that was done."""
    found = _find(segment)
    if found is None:
        return not_found(request, what="segment")
    if services.take_again(segment=found, actor=request.caller) is not None:
        return problem(409, "The segment is no snapshot; it is asked by itself.")
    return Asked()


@gate.operation("GET", "/segments/{segment}/count", scope="segments:read", response=CountOut)
def count_segment(request: ApiRequest, segment: uuid.UUID, as_of: AsOf = None) -> CountOut | HttpResponse:
    """How many people are in a segment; about how many, where counting takes too long."""
    found = _find(segment)
    return _count(found.meaning, as_of) if found else not_found(request, what="segment")


@gate.operation("GET", "/segments/{segment}/people", scope="segments:read", response=PeopleOut)
def list_people(
    request: ApiRequest,
    segment: uuid.UUID,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
    as_of: AsOf = None,
) -> PeopleOut | HttpResponse:
    """Who is in a segment, oldest first, a page at a time. Give every page the ``as_of`` of the first one's answer."""
    found = _find(segment)
    if found is None:
        return not_found(request, what="segment")
    at = as_of or clock.now()
    try:
        people = services.audience(rule=found.meaning, as_of=at).order_by("pk")
    except RuleError as error:
        return _cannot_be_used(error)
    if refused := _out_of_reach(at):
        return refused
    if after is not None:
        last = Subscriber.objects.filter(uuid=after).values_list("pk", flat=True).first()
        if last is None:
            return not_found(request, what="subscriber to go on after")
        people = people.filter(pk__gt=last)
    try:
        with planned(), time_limit(SECONDS):
            page = list(people.values_list("uuid", "email")[: limit + 1])
    except OutOfTime:
        return problem(503, "This segment takes too long to be asked about just now. Try again later.")
    told = "subscribers:read" in request.caller.scopes
    items = [PersonOut(id=uuid, email=email if told else None) for uuid, email in page[:limit]]
    return PeopleOut(items=items, as_of=at, next=items[-1].id if len(page) > limit else None)


@gate.operation("GET", "/subscribers/{who}/segments", scope="subscribers:read", response=BelongingsOut)
def list_segments_of_a_person(request: ApiRequest, who: str) -> BelongingsOut | HttpResponse:
    """Every segment by name, with whether the person is in it now. ``who`` as for reading a person."""
    named = reference(who)
    found = find_people(references=[named], source=request.caller.source) if named else None
    if found is None or found.ids[0] is None:
        return not_found(request, what="subscriber", foreign=bool(found and found.foreign[0]))
    belonging = segments_of(person=Subscriber.objects.get(pk=found.ids[0]), as_of=clock.now())
    return BelongingsOut(
        items=[
            BelongingOut(
                id=one.segment.uuid,
                name=one.segment.name,
                inside=one.inside,
                problem=_wrong(one.error) if one.error else None,
            )
            for one in belonging
        ]
    )


def _find(segment: uuid.UUID) -> Segment | None:
    return Segment.objects.filter(uuid=segment).first()


def _whole(segment: Segment) -> SegmentWhole:
    words, error = "", None
    try:
        words = sentence(parse(segment.rule))
    except RuleError as refused:
        error = _wrong(refused)
    return SegmentWhole(
        id=segment.uuid,
        name=segment.name,
        description=segment.description,
        mode=SegmentMode(segment.mode),
        updated_at=segment.updated_at,
        rule=segment.rule,
        sentence=words,
        problem=error,
        noted=_noted(segment),
        used_by=[UserOut(name=name, state=state) for name, state, _url in registries.uses_of("segment", segment)],
        lock_version=segment.lock_version,
    )


def _noted(segment: Segment) -> NotedOut | None:
    noted = SegmentSnapshot.objects.filter(segment=segment, taken_at__isnull=False).first()
    if noted is None or noted.people is None or noted.counted_at is None:
        return None
    return NotedOut(people=noted.people, as_of=noted.counted_at)


def _count(rule: dict[str, Any], as_of: dt.datetime | None) -> CountOut | HttpResponse:
    at = as_of or clock.now()
    if refused := _out_of_reach(at):
        return refused
    try:
        node = parse(rule)
    except RuleError as error:
        return _cannot_be_used(error)
    counted = count_within(node=node, as_of=at, seconds=SECONDS)
    return CountOut(people=counted.people, exact=counted.exact, as_of=at, sentence=sentence(node))


def _out_of_reach(at: dt.datetime) -> HttpResponse | None:
    """Refuse an instant that is still to come, or before anything can have happened."""
    if EARLIEST <= at <= clock.now():
        return None
    errors = [{"at": "as_of", "reason": "A time from 1970 until now is needed."}]
    return problem(422, "Some values are missing or wrong.", errors=errors)


def _wrong(error: RuleError) -> Wrong:
    return Wrong(at=f"rule.{error.path}" if error.path else "rule", reason=error.message)


def _cannot_be_used(error: RuleError) -> HttpResponse:
    return problem(422, "The rule cannot be used.", errors=[_wrong(error).model_dump()])


def _taken(name: str) -> HttpResponse:
    errors = [{"at": "name", "reason": f"There is a segment called {name} already."}]
    return problem(422, "Some values are missing or wrong.", errors=errors)


def _changed_meanwhile() -> HttpResponse:
    return problem(409, "Somebody changed the segment since lock_version was read. Read it again.")
