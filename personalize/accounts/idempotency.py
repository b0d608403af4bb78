"""Answering a repeated request with the answer it got the first time.

The answer is written in the transaction of what the request did. A second request with the same key, at the same time,
waits at the unique constraint until the first is through; when the first fails, it is as if it had never been.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from personalize.accounts.keys import Caller
from personalize.accounts.models import IdempotentAnswer
from personalize.core import clock
from personalize.core.copy import insert_new_rows, stored_moment
from personalize.core.problems import CONTENT_TYPE, problem

KEPT = dt.timedelta(hours=24)
MAX_KEY = 120


def fingerprint(request: HttpRequest) -> str:
    """The hash by which the same request is known again."""
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode() + request.body).hexdigest()


def once(*, caller: Caller, key: str, fingerprint: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """What ``act`` answers, or what it answered before; 409 when the key was used for another request.

    An answer of 500 and above undoes what was done and is not kept, so that a later try gets another chance.
    """
    now = clock.now()
    with transaction.atomic():
        # One statement either way: an answer that is too old makes room first.
        IdempotentAnswer.objects.filter(api_key=caller.id, key=key, created_at__lt=now - KEPT).delete()
        taken = insert_new_rows(
            IdempotentAnswer,
            ["api_key_id", "key", "fingerprint", "status", "body", "created_at"],
            [(caller.id, key, fingerprint, 0, b"", stored_moment(now))],
            returning=["id"],
        )
        if not taken:
            return _again(IdempotentAnswer.objects.get(api_key=caller.id, key=key), fingerprint)
        answer = act()
        if answer.status_code >= 500:
            transaction.set_rollback(True)
        else:
            IdempotentAnswer.objects.filter(pk=taken[0][0]).update(status=answer.status_code, body=answer.content)
    return answer


def _again(stored: IdempotentAnswer, fingerprint: str) -> HttpResponse:
    if stored.fingerprint != fingerprint:
        return problem(409, "This Idempotency-Key was used for another request. Take a new key for each request.")
    return HttpResponse(
        bytes(stored.body),
        status=stored.status,
        content_type=CONTENT_TYPE if stored.status >= 400 else "application/json",
        headers={"Idempotent-Replayed": "true"},
    )
