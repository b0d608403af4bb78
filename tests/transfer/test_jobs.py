"""An import as a job: any worker does it, it can be paused, and a list that looks bought waits for somebody's look."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db.models import Q

from personalize.core import hooks, queue
from segments.consent.models import ConsentEntry, Subscription
from segments.consent.services import suppress
from segments.events.models import Event
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.transfer import engine, review, storage
from segments.transfer.models import Import, Rejection
from segments.transfer.services import (
    cancel_import,
    configure_import,
    create_import,
    field_choices,
    pause_import,
    preview,
    release_import,
    resume_import,
    run_import,
    start_import,
    suggest_columns,
)
from segments.transfer.types import Refusal, Unusable
from tests.factories import make_subscriber, make_topic

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    settings.VAR = tmp_path / "var"


def make(tmp_path: Path, text: str, kind: str = "subscribers", **options) -> Import:
    path = tmp_path / "in.csv"
    path.write_text(text)
    return create_import(kind=kind, name="in.csv", path=path, actor="command", **options)


def people(number: int, domain: str = "post.example", name: str = "p") -> str:
    return "email,first_name\n" + "".join(f"{name}{n}@{domain},Nina\n" for n in range(number))


def test_a_worker_finds_a_started_import_and_the_uploaded_file_is_gone_afterwards(tmp_path):
    job = make(tmp_path, people(3))
    assert not queue.look(raising=True)
    assert start_import(job=job, actor="command") is None
    assert queue.look(raising=True)
    job.refresh_from_db()
    assert (job.state, job.cursor, job.total, job.counts["created"]) == ("finished", 3, 3, 3)
    assert list(storage.folder().iterdir()) == []


def test_a_dry_run_ends_with_its_figures_and_the_real_one_can_follow(tmp_path):
    job = make(tmp_path, people(3) + "nobody,N\n")
    start_import(job=job, actor="command", dry_run=True)
    queue.look(raising=True)
    job.refresh_from_db()
    assert (job.state, job.counts["created"], job.rejected, Subscriber.objects.count()) == ("uploaded", 3, 1, 0)
    assert Rejection.objects.get().line == 5
    start_import(job=job, actor="command")
    queue.look(raising=True)
    job.refresh_from_db()
    assert (job.state, job.counts["created"], job.rejected, Subscriber.objects.count()) == ("finished", 3, 1, 3)


def test_a_pause_in_mid_chunk_takes_the_chunk_back_and_resuming_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    job = make(tmp_path, people(6))

    def pause(done: int, total: int) -> None:
        if done == 2:
            pause_import(job=Import.objects.get(pk=job.pk), actor="command")

    assert run_import(job, progress=pause).state == "paused"
    assert (job.cursor, Subscriber.objects.count()) == (2, 2)
    assert not queue.look(raising=True)
    assert resume_import(job=job, actor="command")
    queue.look(raising=True)
    job.refresh_from_db()
    assert (job.state, job.counts["created"], Subscriber.objects.count()) == ("finished", 6, 6)


def test_a_cancelled_import_stores_nothing_more_and_loses_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    job = make(tmp_path, people(6))
    run_import(job, progress=lambda done, total: cancel_import(job=Import.objects.get(pk=job.pk), actor="command"))
    assert (job.state, Subscriber.objects.count()) == ("cancelled", 2)
    assert not resume_import(job=job, actor="command")
    assert list(storage.folder().iterdir()) == []


def test_an_import_in_other_hands_is_left_alone_until_its_lease_is_over(tmp_path, settings):
    job = make(tmp_path, people(2))
    start_import(job=job, actor="command")
    settings.IMPORT_LEASE_SECONDS = 60.0
    engine._claim(Q(pk=job.pk))
    assert not queue.look(raising=True)
    assert run_import(job).state == "running"
    settings.IMPORT_LEASE_SECONDS = -1.0
    engine._claim(Q(pk=job.pk))
    settings.IMPORT_LEASE_SECONDS = 60.0
    assert queue.look(raising=True)
    assert Import.objects.get().state == "finished"


def test_a_list_with_many_addresses_of_functions_or_unknown_endings_is_held_until_released(tmp_path):
    rows = people(18) + "info@shop.example,I\nadmin@shop.example,A\nann@post.zzz,Ann\n"
    job = run_import(make(tmp_path, rows))
    assert (job.state, Subscriber.objects.count()) == ("held", 0)
    assert "2 addresses of functions" in job.reason
    assert not queue.look(raising=True)
    assert release_import(job=job, actor="command")
    queue.look(raising=True)
    assert Subscriber.objects.count() == 21


def test_a_list_that_would_grow_more_than_fivefold_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(review, "SMALL_LIST", 3)
    for _ in range(4):
        make_subscriber()
    assert run_import(make(tmp_path, people(21))).state == "held"
    assert run_import(make(tmp_path, people(20))).state == "finished"


def test_columns_go_only_where_they_may(tmp_path):
    AttributeDefinition.objects.create(key="likes", label="Likes", type="multi", choices=["Garden", "Kitchen"])
    job = make(tmp_path, "Mail,id,is_suppressed,Likes\nann@post.example,1,no,Garden\n")
    assert suggest_columns(job) == {}
    assert not {"id", "uuid", "address_key", "consent", "is_suppressed", "erased_at"} & set(
        field_choices("subscribers")
    )
    for field in ("id", "is_suppressed", "consent", "attributes.unknown", "attributes.__proto__"):
        refusal = configure_import(
            job=job, columns={"Mail": {"field": "email"}, "id": {"field": field}}, actor="command"
        )
        assert isinstance(refusal, Refusal)
        assert field in refusal.reason
    for policy, field in (("append", "first_name"), ("fill", "email"), ("replace", "city")):
        said = {"Mail": {"field": "email"}, "Likes": {"field": field, "policy": policy}}
        assert isinstance(configure_import(job=job, columns=said, actor="command"), Refusal)
    said = {"Mail": {"field": "email"}, "Likes": {"field": "attributes.likes", "policy": "append"}}
    assert configure_import(job=job, columns=said, actor="command") is None


def test_policies_fill_what_is_empty_and_add_to_lists(tmp_path):
    AttributeDefinition.objects.create(key="likes", label="Likes", type="multi", choices=["Garden", "Kitchen"])
    AttributeDefinition.objects.create(key="shoe", label="Shoe", type="int")
    make_subscriber(
        "ann@post.example",
        first_name="Ann",
        attributes={"likes": ["Garden"], "shoe": 38},
        attributes_folded={"likes": ["garden"]},
    )
    job = make(tmp_path, "email,first_name,city,likes,shoe\nann@post.example,Eve,Bath,kitchen,40\n")
    columns = {
        "email": {"field": "email"},
        "first_name": {"field": "first_name", "policy": "fill"},
        "city": {"field": "city", "policy": "fill"},
        "likes": {"field": "attributes.likes", "policy": "append"},
        "shoe": {"field": "attributes.shoe", "policy": "fill"},
    }
    configure_import(job=job, columns=columns, actor="command")
    run_import(job)
    ann = Subscriber.objects.get()
    assert (ann.first_name, ann.city) == ("Ann", "Bath")
    assert ann.attributes == {"likes": ["Garden", "Kitchen"], "shoe": 38}
    assert ann.attributes_folded == {"likes": ["garden", "kitchen"]}


def test_a_good_value_that_comes_later_ends_the_quarantine(tmp_path):
    AttributeDefinition.objects.create(key="points", label="Points", type="int")
    head = "email,attributes.points\n"
    run_import(make(tmp_path, head + "ann@post.example,many\nbob@post.example," + "9" * 20_000 + "\n"))
    kept = list(QuarantinedValue.objects.order_by("subscriber__email").values_list("raw", "line", "source"))
    assert kept == [("many", 2, "import"), ("9" * 1000, 3, "import")]
    run_import(make(tmp_path, head + "ann@post.example,7\n"))
    assert QuarantinedValue.objects.get().subscriber.email == "bob@post.example"
    assert Subscriber.objects.get(email="ann@post.example").attributes == {"points": 7}


def test_who_may_not_be_mailed_stays_so_and_is_counted_and_nobody_is_told(tmp_path, monkeypatch):
    topic = make_topic("news")
    spam = make_subscriber("spam@post.example")
    suppress(address_key=spam.address_key, reason="complained", source="feedback loop")
    told: list[object] = []
    monkeypatch.setattr(hooks.consent_changed, "_listeners", [lambda **facts: told.append(facts)])
    job = make(tmp_path, "email\nspam@post.example\nann@post.example\n")
    configure_import(job=job, columns=suggest_columns(job), topic=topic, wording="Yes, please", actor="command")
    run_import(job)
    assert (job.counts["kept_out"], job.counts["pending"], job.counts["subscribed"]) == (1, 1, 0)
    assert Subscription.objects.get().state == "pending"
    assert ConsentEntry.objects.get(action="requested").wording == "Yes, please"
    assert told == []


def test_a_preview_shows_the_first_rows_and_their_faults(tmp_path):
    seen = preview(make(tmp_path, people(30) + "too,many,values\n"), rows=40)
    assert (seen.header, len(seen.rows)) == (["email", "first_name"], 31)
    assert seen.problems == ["Line 32 has 3 values where the header has 2."]


def test_a_file_over_the_limit_is_refused_and_stays_where_it_was(tmp_path, settings):
    settings.IMPORT_MAX_BYTES = 10
    with pytest.raises(Unusable, match="larger than"):
        make(tmp_path, people(3))
    assert (tmp_path / "in.csv").exists()
    assert not Import.objects.exists()


@pytest.mark.parametrize("repeat", [1, 2])
def test_events_come_in_once_as_evidence_only(tmp_path, repeat):
    make_subscriber("ann@post.example")
    rows = (
        "email,name,occurred_at,amount,properties\n"
        'ann@post.example,product_viewed,2026-01-02T10:00:00Z,2.55,"{""code"": ""A""}"\n'
        "ann@post.example,Product Viewed,2026-01-02,,\n"
        "eve@post.example,product_viewed,2026-01-02,,\n"
        "ann@post.example,product_viewed,2199-01-02,,\n"
        "ann@post.example,product_viewed,2026-01-02,NaN,\n"
        'ann@post.example,product_viewed,2026-01-02,,"{""a"": NaN}"\n'
        f"ann@post.example,product_viewed,2026-01-02,,{'[' * 6000}\n"
        'ann@post.example,product_viewed,2026-01-02,,"{""a"":{""a"":{""a"":{""a"":{""a"":{}}}}}}"\n'
    )
    for _ in range(repeat):
        job = run_import(make(tmp_path, rows, kind="events"))
    event = Event.objects.get()
    assert (event.historic, event.processed_at is None, event.amount, event.properties) == (
        True,
        False,
        25_500,
        {"code": "A"},
    )
    assert (job.state, job.counts["created"], job.rejected) == ("finished", 2 - repeat, 7)


def test_events_come_in_from_a_file_of_json_objects(tmp_path):
    make_subscriber("ann@post.example")
    lines = (
        '{"email": "ann@post.example", "name": "table_seen", "occurred_at": "2026-01-02T10:00:00Z", "amount": 2.5}\n'
        '{"email": "ann@post.example", "name": "table_seen", "occurred_at": "2026-01-03", "properties": {"a": [1]}}\n'
        "\n[1]\n{broken\n"
    )
    job = run_import(make(tmp_path, lines, kind="events"))
    assert (job.state, job.counts["created"]) == ("finished", 2)
    assert list(job.rejections.order_by("line").values_list("line", "reason")) == [
        (4, "is not a JSON object"),
        (5, "is not a JSON object"),
    ]
    assert list(Event.objects.order_by("occurred_at").values_list("amount", "properties")) == [
        (25_000, {}),
        (None, {"a": [1]}),
    ]
