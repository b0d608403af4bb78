"""The doorbell rings a real worker, and only once the work is stored."""

from __future__ import annotations

import pytest
from django.db import transaction

from personalize.core import queue
from tests.servers import RealWorker, wait_until


@pytest.mark.server
def test_a_queued_look_runs_in_a_real_worker_over_redis(redis_url: str, real_worker: RealWorker):
    queue.enqueue("core.look")
    wait_until(lambda: real_worker.succeeded("core.look"), what="The look")


@pytest.mark.server
def test_a_look_queued_in_a_transaction_that_is_rolled_back_never_runs(redis_url: str, real_worker: RealWorker):
    with transaction.atomic():
        queue.enqueue("core.look")
        transaction.set_rollback(True)
    queue.enqueue("core.look")
    wait_until(lambda: real_worker.succeeded("core.look"), what="The second look")
    assert real_worker.succeeded("core.look") == 1


def test_a_name_that_no_task_has_is_refused_at_once():
    with pytest.raises(LookupError, match=r"core\.lok"):
        queue.enqueue("core.lok")
