"""Barring many addresses at once: nothing is made weaker, and what people said themselves is proved."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalize.accounts.models import AuditEntry
from personalize.core.addresses import address_key
from segments.consent import services
from segments.consent.models import ConsentAction, ConsentEntry, Subscription, Suppression, SuppressionReason
from segments.consent.suppression import STRENGTH, Bar, BarCounts, bar_all
from segments.consent.suppression_files import Default, Unusable, export_csv, import_suppression
from tests.factories import NOW, make_follower, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LATER = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


def bar(address: str, reason: str, **fields) -> Bar:
    return Bar(address_key(address), SuppressionReason(reason), **{"source": "old system", **fields})


def load(text: str, reason: str = "manual", **fields):
    default = Default(SuppressionReason(reason), fields.pop("topic", None), "old system")
    return import_suppression(stream=io.BytesIO(text.encode()), default=default, actor="command", **fields)


def reasons() -> dict[str, str]:
    return dict(Suppression.objects.values_list("address_key", "reason"))


@pytest.mark.parametrize("first", SuppressionReason.values)
@pytest.mark.parametrize("second", SuppressionReason.values)
def test_the_reason_that_stops_more_mail_stays_whichever_came_first(first, second):
    bar_all(bars=[bar("ann@post.example", first)])
    bar_all(bars=[bar("ann@post.example", second)])
    assert Suppression.objects.get().reason == max(first, second, key=lambda one: STRENGTH[SuppressionReason(one)])


def test_a_dead_address_stops_receipts_also_for_who_complained_before():
    services.suppress(address_key=address_key("ann@post.example"), reason="complained", source="feedback loop")
    services.suppress(address_key=address_key("ann@post.example"), reason="bounced", source="bounce")
    assert Suppression.objects.get().reason == "bounced"


def test_a_longer_bar_stays_longer_and_one_that_is_over_is_begun_anew():
    def stored():
        return Suppression.objects.values_list("reason", "until").get()

    bar_all(bars=[bar("ann@post.example", "bounced", until=LATER)])
    assert bar_all(bars=[bar("ann@post.example", "unsubscribed", until=LATER - DAY)]) == BarCounts(0, 0, 1)
    assert bar_all(bars=[bar("ann@post.example", "unsubscribed")]) == BarCounts(0, 1, 0)
    assert stored() == ("bounced", None)
    Suppression.objects.update(until=NOW - 900 * DAY)
    assert bar_all(bars=[bar("ann@post.example", "unsubscribed")]) == BarCounts(0, 1, 0)
    assert stored() == ("unsubscribed", None)


def test_one_address_many_times_in_a_file_is_one_bar():
    bars = [bar("ann@post.example", reason) for reason in ("manual", "bounced", "unsubscribed")]
    assert bar_all(bars=bars) == BarCounts(1, 0, 2)
    assert Suppression.objects.get().reason == "bounced"


def test_a_bar_from_a_topic_and_one_from_everything_live_side_by_side():
    topic = make_topic()
    bar_all(bars=[bar("ann@post.example", "manual"), bar("ann@post.example", "manual", topic_id=topic.pk)])
    assert Suppression.objects.count() == 2


@pytest.mark.parametrize(
    ("reason", "action"),
    [("unsubscribed", ConsentAction.UNSUBSCRIBED), ("complained", ConsentAction.COMPLAINED)],
)
def test_what_people_said_elsewhere_takes_them_off_the_topics_with_proof(reason, action):
    news, sale = make_topic(), make_topic("sale")
    ann = make_follower(news, "ann@post.example")
    make_subscription(ann, sale)
    ben = make_follower(news)
    load("ann@post.example\nstranger@post.example\n", reason)
    assert set(Subscription.objects.filter(subscriber=ann).values_list("state", flat=True)) == {"unsubscribed"}
    assert Subscription.objects.get(subscriber=ben).state == "subscribed"
    entry = ConsentEntry.objects.get()
    assert (entry.subscriber, entry.action, entry.topic, entry.source) == (ann, action, None, "old system")
    assert entry.details == {"left": ["news", "sale"]}
    load("ann@post.example\n", reason)
    assert ConsentEntry.objects.count() == 1


def test_leaving_one_topic_elsewhere_leaves_the_others_alone():
    news, sale = make_topic(), make_topic("sale")
    ann = make_follower(news, "ann@post.example")
    make_subscription(ann, sale)
    load("ann@post.example\n", "unsubscribed", topic=sale)
    assert dict(Subscription.objects.values_list("topic__key", "state")) == {
        "news": "subscribed",
        "sale": "unsubscribed",
    }
    assert ConsentEntry.objects.get().topic == sale


def test_facts_about_an_address_prove_nothing_about_the_person():
    ann = make_follower(make_topic(), "ann@post.example")
    load("ann@post.example\n", "bounced")
    assert Subscription.objects.get(subscriber=ann).state == "subscribed"
    assert not ConsentEntry.objects.exists()


def test_the_number_of_statements_does_not_depend_on_the_number_of_addresses():
    def statements(number: int) -> int:
        for n in range(number):
            make_follower(make_topic(), f"p{number}x{n}@post.example")
        text = "".join(f"p{number}x{n}@post.example\n" for n in range(number))
        with CaptureQueriesContext(connection) as caught:
            load(text, "complained")
        return len(caught)

    assert statements(3) == statements(60)


def test_a_file_says_for_itself_what_each_row_means():
    make_topic("sale")
    key = address_key("gone@post.example")
    done = load(
        "\ufeffEmail;Reason;Scope;Source;Until\r\n"
        "Ann@Post.Example;bounced;;;\r\n"
        '"ben@post.example";;sale;"the ""old"" shop";2099-01-01T00:00:00Z\r\n',
    )
    assert (done.rows, done.refused, done.counts.added) == (2, 0, 2)
    load(f"address_key,reason\n{key.upper()},erased\n")
    assert reasons() == {
        address_key("ann@post.example"): "bounced",
        address_key("ben@post.example"): "manual",
        key: "erased",
    }
    ben = Suppression.objects.get(address_key=address_key("ben@post.example"))
    assert (ben.topic.key, ben.source, ben.until) == ("sale", 'the "old" shop', LATER)


def test_a_wrong_row_is_told_with_its_line_and_the_others_go_in():
    done = load(
        "address,reason,scope,until\n"
        "nonsense,,,\n"
        "\n"
        "ann@post.example,,,\n"
        "ben@post.example,bored,,\n"
        "cleo@post.example,,nowhere,\n"
        "dora@post.example,,,yesterday\n"
        "emil@post.example,,,2020-01-01T00:00:00Z\n"
        "fred@post.example,erased,,\n"
    )
    assert reasons() == {address_key("ann@post.example"): "manual"}
    assert [fault.line for fault in done.faults] == [2, 5, 6, 7, 8, 9]
    assert "bounced" in done.faults[1].message
    assert "nowhere" in done.faults[2].message
    assert done.refused == 6


@pytest.mark.parametrize("text", ["", "\n \n", "address\n"])
def test_an_empty_file_is_an_error(text):
    with pytest.raises(Unusable):
        load(text)


def test_a_key_that_is_none_is_refused_and_no_address_is_made_of_it():
    done = load(f"address_key\n{'g' * 64}\nabc\n")
    assert (done.refused, Suppression.objects.count()) == (2, 0)


def test_a_dry_run_counts_and_writes_nothing():
    done = load("ann@post.example\n", dry_run=True)
    assert done.counts.added == 1
    assert not Suppression.objects.exists()
    assert not AuditEntry.objects.exists()


def test_what_was_exported_bars_the_same_addresses_elsewhere():
    topic = make_topic("sale")
    ann = make_subscriber("ann@post.example")
    bar_all(
        bars=[
            bar("ann@post.example", "complained"),
            bar("ben@post.example", "erased"),
            bar("cleo@post.example", "manual", topic_id=topic.pk, until=LATER, source="=cmd()"),
        ]
    )
    Suppression.objects.create(
        address_key="0" * 64, reason="manual", source="test", created_at=NOW, until=NOW - 900 * DAY
    )
    text = "".join(export_csv(addresses=False))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 3
    assert ann.email not in text
    assert rows[2]["source"] == "'=cmd()"
    assert "ann@post.example" in "".join(export_csv(addresses=True))
    before = set(
        Suppression.objects.exclude(address_key="0" * 64).values_list("address_key", "reason", "topic", "until")
    )
    Suppression.objects.all().delete()
    assert load(text).refused == 0
    assert set(Suppression.objects.values_list("address_key", "reason", "topic", "until")) == before


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code), out.getvalue()
    return 0, out.getvalue()


def test_the_commands_bar_a_file_and_write_one(tmp_path: Path):
    file = tmp_path / "old.txt"
    file.write_text("ann@post.example\nnonsense\nben@post.example\n")
    code, said = run("import_suppression", str(file), "--reason", "bounced", "--source", "old shop", "--json")
    assert code == 1
    figures = json.loads(said)
    assert (figures["rows"], figures["added"], figures["refused"]) == (3, 2, 1)
    assert figures["faults"][0]["line"] == 2
    assert set(Suppression.objects.values_list("reason", "source")) == {("bounced", "old shop")}
    code, said = run("export_suppression", str(tmp_path / "out.csv"))
    assert (code, "2 rows" in said) == (0, True)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["old.txt", "out.csv"]
    code, said = run("import_suppression", str(tmp_path / "out.csv"), "--dry-run")
    assert code == 0
    assert "Nothing was written" in said


@pytest.mark.parametrize("arguments", [["nowhere.csv"], ["{file}", "--topic", "nowhere"]])
def test_a_command_that_cannot_begin_says_why_with_2(tmp_path: Path, arguments):
    file = tmp_path / "a.txt"
    file.write_text("ann@post.example\n")
    with pytest.raises(CommandError) as error:
        run("import_suppression", *(one.format(file=file) for one in arguments))
    assert error.value.returncode == 2
    assert "nowhere" in str(error.value)
    assert not Suppression.objects.exists()
