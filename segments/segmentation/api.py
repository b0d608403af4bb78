"""Which segments there are, for systems that want to name one."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

from django.http import HttpResponse
from pydantic import BaseModel, Field

from personalize.accounts.gateway import ApiRequest, Gate, not_found
from segments.segmentation.models import Segment

gate = Gate("Segments")


class SegmentOut(BaseModel):
    id: uuid.UUID
    name: str
    description: str
    updated_at: dt.datetime


class Segments(BaseModel):
    items: list[SegmentOut]
    next: Annotated[uuid.UUID | None, Field(description="Give it as after to get the next page; null at the end.")]


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
        SegmentOut(id=one.uuid, name=one.name, description=one.description, updated_at=one.updated_at)
        for one in page[:limit]
    ]
    return Segments(items=items, next=items[-1].id if len(page) > limit else None)
