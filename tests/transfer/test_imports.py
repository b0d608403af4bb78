"""Files come in row by row: good rows are stored, bad ones said with their line, the same file again changes nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from segments.commerce.models import Order, OrderLine, Product, Refund
from segments.consent.models import ConsentEntry, Subscription
from segments.consent.services import suppress, unsubscribe
from segments.events.models import Event
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.transfer import engine
from segments.transfer.services import create_import, run_import
from tests.factories import NOW, make_subscriber, make_topic

pytestmark = pytest.mark.django_db

PEOPLE = """email,external_id,first_name,country
ann@post.example,17850,Ann,United Kingdom
bob@post.example,13047,Bob,DE
"""
ORDERS = """number,product,quantity,unit_price,placed_at,customer_id
1,A,2,2.55,2011-12-09 12:50:00,17850
2,B,1,1,2011-12-09 13:00:00,
1,C,1,0.001,2011-12-09 12:40:00,17850
C3,A,-1,2.55,2011-12-10T09:00:00+01:00,17850
"""
MODELS: tuple[Any, ...] = (Subscriber, Subscription, ConsentEntry, Product, Order, OrderLine, Refund, Event)


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(content: str | bytes, name: str = "in.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def run(command: str, path, *arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, str(path), "--json", "--rejects", str(path) + ".rejects.csv", *arguments, stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def rejects(path) -> list[tuple[str, str]]:
    with open(str(path) + ".rejects.csv", encoding="utf-8", newline="") as stream:
        return [(row["line"], row["reason"]) for row in csv.DictReader(stream)]


def everything() -> list[list[Any]]:
    return [list(model._default_manager.order_by("pk").values()) for model in MODELS]


def test_people_products_and_orders_come_in_and_the_same_files_again_change_nothing(file):
    make_topic("news")
    people, products, orders = file(PEOPLE), file("sku,title\nA,Mug\n", "p.csv"), file(ORDERS, "o.csv")

    def load() -> tuple[dict[str, Any], ...]:
        return (
            run("import_subscribers", people, "--topic", "news", "--basis", "form 2024"),
            run("import_products", products, "--map", "sku=code"),
            run("import_orders", orders, "--refund-prefix", "C"),
        )

    first = load()
    assert (first[0]["created"], first[0]["subscribed"], first[1]["created"]) == (2, 2, 1)
    assert (first[2]["orders_created"], first[2]["refunds_created"], first[2]["rejected"]) == (2, 1, 0)
    ann = Subscriber.objects.get(email="ann@post.example")
    order = Order.objects.get(number="1")
    assert (order.subscriber, order.total, str(order.placed_at)) == (ann, 51_010, "2011-12-09 12:40:00+00:00")
    assert list(order.lines.order_by("position").values_list("code", "product__title")) == [("A", "Mug"), ("C", None)]
    assert Order.objects.get(number="2").subscriber is None
    refund = Refund.objects.get()
    assert (refund.number, refund.order, refund.total, str(refund.refunded_at)) == (
        "C3",
        None,
        25_500,
        "2011-12-10 08:00:00+00:00",
    )
    assert not Event.objects.filter(processed_at=None).exists()
    stored = everything()
    again = load()
    assert (again[0]["unchanged"], again[0]["already_subscribed"], again[2]["orders_unchanged"]) == (2, 2, 2)
    assert everything() == stored


@pytest.mark.parametrize(
    ("command", "content"),
    [("import_subscribers", PEOPLE), ("import_orders", ORDERS), ("import_products", "code\nA\n")],
)
def test_a_dry_run_counts_the_same_and_writes_nothing(file, command, content):
    path = file(content + "bad,row,of,very,many,values,indeed\n")
    before = everything()
    dry = run(command, path, "--dry-run")
    assert everything() == before
    assert not (path.parent / "in.csv.rejects.csv").exists()
    wet = run(command, path)
    del dry["dry_run"], dry["seconds"], dry["rejects"], wet["dry_run"], wet["seconds"], wet["rejects"]
    assert dry == wet
    assert wet["rejected"] == 1
    assert everything() != before


def test_an_import_never_joins_again_who_left_complained_or_was_erased(file):
    news = make_topic("news")
    left, all_, spam, gone = (make_subscriber(f"{name}@post.example") for name in ("left", "all", "spam", "gone"))
    unsubscribe(subscriber=left, topic=news, source="one-click")
    unsubscribe(subscriber=all_, topic=None, source="one-click")
    suppress(address_key=spam.address_key, reason="complained", source="feedback loop")
    suppress(address_key=gone.address_key, reason="erased", source="erasure")
    Subscriber.objects.filter(pk=gone.pk).update(email=None, erased_at=NOW)
    path = file("email\nleft@post.example\nall@post.example\nSPAM@post.example\ngone@post.example\nnew@post.example\n")
    summary = run("import_subscribers", path, "--topic", "news", "--basis", "contract")
    assert (summary["subscribed"], summary["kept_out"], summary["erased"]) == (1, 3, 1)
    assert list(Subscription.objects.in_force(NOW.replace(year=2100)).values_list("subscriber__email", flat=True)) == [
        "new@post.example"
    ]
    assert not Subscriber.objects.filter(email="gone@post.example").exists()


def test_people_imported_without_a_basis_wait_for_confirmation(file):
    make_topic("news")
    assert run("import_subscribers", file(PEOPLE), "--topic", "news")["pending"] == 2
    assert not Subscription.objects.in_force(NOW.replace(year=2100)).exists()


def test_an_address_twice_in_a_file_is_reported_and_the_last_wins(file):
    path = file("email,first_name\nann@post.example,Anna\nbob@post.example,Bob\n Ann@post.example,Ann\n")
    first = run("import_subscribers", path)
    assert (first["created"], first["rejected"]) == (2, 1)
    assert rejects(path) == [("2", "superseded by line 4")]
    stored = everything()
    assert run("import_subscribers", path)["unchanged"] == 2
    assert everything() == stored
    assert Subscriber.objects.get(email="ann@post.example").first_name == "Ann"


def test_bad_rows_are_rejected_with_line_and_reason_and_the_good_ones_stored(file):
    path = file(
        'email,first_name,country\nann@post.example,"Ann\nMary",GB\nnope,Bob,GB\ncid@post.example,Cid\n'
        "\ndot@nowhere,Dot,FR\n=cmd|calc@post.example,<b>Eve</b>,\na@localhost,x,\n"
    )
    summary = run("import_subscribers", path)
    assert (summary["created"], summary["rejected"]) == (2, 4)
    said = dict(rejects(path))
    assert set(said) == {"4", "5", "7", "9"}
    assert said["5"] == "has 2 values where the header has 3"
    assert said["7"].startswith("email: ")
    assert set(Subscriber.objects.values_list("email", "first_name")) == {
        ("ann@post.example", "Ann Mary"),
        ("=cmd|calc@post.example", "<b>Eve</b>"),
    }


def test_the_file_of_rejects_runs_no_formulas(file):
    path = file("email,first_name\n=cmd|' /C calc'!A0,@SUM(A1)\n")
    run("import_subscribers", path)
    assert "'=cmd|" in path.with_name("in.csv.rejects.csv").read_text()
    assert ",'@SUM" in path.with_name("in.csv.rejects.csv").read_text()


def test_an_order_with_one_bad_line_is_rejected_whole(file):
    path = file(ORDERS.replace("0.001", "free") + "4,A,1,1,2999-01-01,\n5,A,1,2,2011-12-09,7\n5,A,1,2,2011-12-09,8\n")
    summary = run("import_orders", path, "--refund-prefix", "C")
    assert (summary["orders_created"], summary["refunds_created"], summary["rejected"]) == (1, 1, 5)
    assert [line for line, _reason in rejects(path)] == ["2", "4", "6", "7", "8"]
    assert rejects(path)[0][1] == "belongs to the order rejected at line 4"
    assert not Order.objects.filter(number="1").exists()


def test_unknown_customers_are_counted_and_their_orders_kept(file):
    summary = run("import_orders", file(ORDERS))
    assert (summary["orders_created"], summary["unknown_customers"]) == (3, 2)
    assert not Order.objects.exclude(subscriber=None).exists()
    run("import_subscribers", file(PEOPLE, "p.csv"))
    assert run("import_orders", file(ORDERS))["orders_updated"] == 2
    assert Order.objects.filter(subscriber__email="ann@post.example").count() == 2


def test_a_refund_belongs_to_an_order_only_where_a_column_names_one(file):
    path = file(
        "number,product,quantity,unit_price,placed_at,order_number\n"
        "1,A,2,2,2011-12-09,\nC2,A,-1,2,2011-12-10,1\nC3,A,-1,2,2011-12-10,\n"
    )
    run("import_orders", path, "--refund-prefix", "C")
    assert list(Refund.objects.order_by("number").values_list("order__number", flat=True)) == ["1", None]


def test_attributes_come_in_by_their_key(file):
    AttributeDefinition.objects.create(key="points", label="Points", type="int")
    path = file("email,Punkte\nann@post.example,12\nbob@post.example,many\ncid@post.example,\n")
    summary = run("import_subscribers", path, "--map", "Punkte=attributes.points")
    assert (summary["created"], summary["quarantined"], summary["rejected"]) == (3, 1, 0)
    misfit = QuarantinedValue.objects.get()
    assert (misfit.subscriber.email, misfit.key, misfit.raw, misfit.line) == ("bob@post.example", "points", "many", 3)
    assert Subscriber.objects.get(email="ann@post.example").attributes == {"points": 12}


def test_a_built_in_value_that_does_not_fit_waits_with_its_line_and_the_person_is_stored(file):
    path = file(
        "email,first_name,country,birth_date\nann@post.example,Ann,GB,1988-02-29\n"
        "bob@post.example,Bob,Atlantis,1900-01-01\ncid@post.example,Cid,FR,31.12.1990\n"
    )
    summary = run("import_subscribers", path)
    assert (summary["created"], summary["quarantined"], summary["rejected"]) == (3, 3, 0)
    assert Subscriber.objects.get(email="bob@post.example").first_name == "Bob"
    assert set(QuarantinedValue.objects.values_list("subscriber__email", "key", "raw", "line")) == {
        ("bob@post.example", "country", "Atlantis", 3),
        ("bob@post.example", "birth_date", "1900-01-01", 3),
        ("cid@post.example", "birth_date", "31.12.1990", 4),
    }


def test_gzipped_files_and_semicolons_are_read(file):
    path = file(gzip.compress(b"email;first_name\nann@post.example;Ann\n"), "in.csv.gz")
    assert run("import_subscribers", path)["created"] == 1
    assert Subscriber.objects.get().first_name == "Ann"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_named_encoding_is_read(file, encoding):
    path = file("email,first_name\nasa@post.example,Åsa\n".encode(encoding))
    run("import_subscribers", path, *(["--encoding", encoding] if encoding == "cp1252" else []))
    assert Subscriber.objects.get().first_name == "Åsa"


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("", [], "is empty"),
        (PEOPLE.encode("utf-16"), [], "UTF-16"),
        ("email,first_name\nann@post.example,Åsa\n".encode("cp1252"), [], "Line 2, byte 18: the byte 0xC5"),
        ("email\nann@post.example\nbob\0@post.example\n", [], "Line 3, byte 4: a NUL byte"),
        ('email,first_name\nann@post.example,Ann\nbob@post.example,"Bob\n', [], "Line 3: a quote is opened"),
        ('email,first_name\na@post.example,"A"nn\n', [], "Line 2: there is text after a closing quote"),
        ("email\nann@post.example\rbob@post.example\n", [], "Line 2: a lone carriage return"),
        ('email,first_name\na@post.example,"' + "x\n" * 40_000, [], "Line 2: a value is longer than 64 KB"),
        ("x" * 1_100_000, [], "Line 1 is longer than 1 MB"),
        (",".join(f"c{n}" for n in range(10_000)), [], "Line 1: the file has 10000 columns"),
        ("email,name,email\n", [], "the column “email” stands twice"),
        ("mail\nann@post.example\n", [], "No column is the field “email”"),
        (PEOPLE, ["--map", "Mail=email"], "no column “Mail”"),
        (PEOPLE, ["--map", "email=is_suppressed"], "no field “is_suppressed”"),
        (PEOPLE, ["--map", "email"], "not of the form column=field"),
        (PEOPLE, ["--map", "email=email", "--map", "country=email"], "Two columns"),
        (PEOPLE, ["--encoding", "klingon"], "encoding “klingon”"),
        (PEOPLE, ["--encoding", "utf-16"], "encoding “utf-16”"),
        (PEOPLE, ["--topic", "nothing"], "no topic “nothing”"),
        (PEOPLE, ["--basis", "form"], "--topic"),
        (gzip.compress(PEOPLE.encode())[:-12], [], "gzip"),
        (b"PK\x03\x04 and so on", [], "zip"),
    ],
)
def test_an_unusable_file_is_refused_with_the_place_and_nothing_is_written(file, content, arguments, said):
    with pytest.raises(CommandError, match=said) as refused:
        run("import_subscribers", file(content), *arguments)
    assert refused.value.returncode == 2
    assert not Subscriber.objects.exists()


def test_a_missing_file_is_said_plainly(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("import_subscribers", tmp_path / "nothing.csv")


def test_a_fault_near_the_end_keeps_the_whole_file_out(file, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    rows = "".join(f"p{n}@post.example,P\n" for n in range(9))
    with pytest.raises(CommandError, match="Line 11"):
        run("import_subscribers", file(f'email,first_name\n{rows}end@post.example,"End\n'))
    assert not Subscriber.objects.exists()


def test_a_stopped_import_ends_after_a_chunk_and_finishes_when_run_again(file, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 3)
    path = file(PEOPLE.splitlines()[0] + "\n" + "".join(f"p{n}@post.example,{n},P{n},GB\n" for n in range(8)))
    asked = iter([False, True])
    job = create_import(kind="subscribers", name="in.csv", path=path, actor="command", keep=True)
    stopped = run_import(job, stopped=lambda: next(asked))
    assert (stopped.state, stopped.cursor, Subscriber.objects.count()) == ("paused", 6, 6)
    done = run_import(job)
    assert (done.state, done.cursor, done.counts["created"], done.counts["unchanged"]) == ("finished", 8, 8, 0)


def test_a_crash_takes_back_its_chunk_and_running_again_finishes(file, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    path = file("number,product,quantity,unit_price,placed_at\n" + "".join(f"{n},A,1,1,2011-12-09\n" for n in range(6)))
    kept = []

    def crash(done: int, total: int) -> None:
        kept.append(Order.objects.count())
        if done == 4:
            raise KeyboardInterrupt

    job = create_import(kind="orders", name="in.csv", path=path, actor="command", keep=True)
    with pytest.raises(KeyboardInterrupt):
        run_import(job, progress=crash)
    assert kept == [2, 4]
    again = run_import(job)
    assert (again.counts["orders_created"], again.counts["orders_unchanged"]) == (6, 0)
    assert OrderLine.objects.count() == 6


def test_the_rows_of_an_order_stay_together_across_chunks(file, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    header = "number,product,quantity,unit_price,placed_at\n"
    rows = "".join(f"{n % 3},P{n},1,1,2011-12-09\n" for n in range(12))
    run_import(create_import(kind="orders", name="in.csv", path=file(header + rows), actor="command", keep=True))
    assert {order.number: order.lines.count() for order in Order.objects.all()} == {"0": 4, "1": 4, "2": 4}


def test_the_summary_for_people_names_counts_and_the_way_to_the_rejects(file, tmp_path, settings):
    settings.VAR = tmp_path
    out = io.StringIO()
    call_command("import_subscribers", str(file(PEOPLE + "nope,1,N,GB\n")), stdout=out)
    said = out.getvalue()
    assert "3 rows read" in said
    assert f"{tmp_path}/imports/in.csv.rejects.csv" in said
    assert "line 4: email:" in said


def test_more_rows_take_no_more_statements(file):
    make_topic("news")
    taken = []
    for rows in (10, 500):
        path = file("email,external_id\n" + "".join(f"p{rows}-{n}@post.example,{rows}-{n}\n" for n in range(rows)))
        with CaptureQueriesContext(connection) as queries:
            run("import_subscribers", path, "--topic", "news", "--basis", "form")
        taken.append(len(queries))
    assert taken[0] == taken[1] < 60


@pytest.mark.parametrize("address", ["http://127.0.0.1/items.csv", "https://169.254.169.254/items.csv"])
def test_products_are_not_fetched_from_our_own_network(address):
    with pytest.raises(CommandError, match="does not lead to the public internet") as refused:
        call_command("import_products", address)
    assert refused.value.returncode == 2
    assert not Product.objects.exists()
