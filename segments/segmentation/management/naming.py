"""Finding the segment that somebody names on a command line."""

from __future__ import annotations

import uuid
from contextlib import suppress

from django.core.management.base import CommandError
from django.db.models import Q

from segments.segmentation.models import Segment


def segment_called(name: str) -> Segment:
    """The segment of this name or id; raises CommandError when there is none."""
    wanted = Q(name=name)
    with suppress(ValueError):  # What is no id can only be a name.
        wanted |= Q(uuid=uuid.UUID(name))
    segment = Segment.objects.filter(wanted).first()
    if segment is None:
        raise CommandError(f"There is no segment called {name!r}.")
    return segment
