"""The questions S1 to S9 as rules: counted, materialised, refreshed, against the best SQL written by hand.

Give TEST_DATABASE_URL for PostgreSQL. FULL=1 asks about a million people and ten million events, on SQLite a tenth of that.
By hand the fastest of several forms counts, under the settings of a segment's statements or under the server's own,
whichever is faster. ONLY=S1,S4 leaves the other questions out. Both ways take turns, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.models.expressions import RawSQL

from personalize.core.database import OutOfTime, is_postgres, time_limit
from segments.segmentation.audience import narrow_groups, people_of, planned
from segments.segmentation.counting import count_within
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.kinds import kinds
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet
from tests.benchmarks import segments_by_hand as by_hand
from tests.benchmarks.harness import Bench, bench
from tests.benchmarks.segments_shop import AT, make_shop

ROUNDS = 5
CHANGED = 0.01
"""The share of people who are taken to have changed: 10,000 of a million."""

LEAVES = 100
TOO_LONG = 20.0
REFRESHED = ("S4", "S6", "S9")

QUICK = 20_000
FULL = 1_000_000 if is_postgres() else 100_000

Rule = dict[str, Any]


def event(name: str, op: str, value: Any, days: int, **more: Any) -> Rule:
    body = {"name": name, "metric": "count", "op": op, "value": value, "window": {"last": [days, "days"]}, **more}
    return {"event": body}


AGE: Rule = {"attr": "age", "op": "between", "value": [by_hand.YOUNGEST, by_hand.OLDEST]}
S1: Rule = {"all": [AGE, {"attr": "city", "op": "is", "value": by_hand.CITY}]}
S2: Rule = {"orders": {"metric": "sum", "op": ">", "value": by_hand.SPENT}}
S4 = event("order_placed", ">=", by_hand.OFTEN, 90)
S6: Rule = {"none": [event("email_opened", ">=", 1, 180)]}
RULES: dict[str, Rule] = {
    "S1 age and city": S1,
    "S2 spent": S2,
    "S3 two attributes": {
        "all": [{"attr": "tier", "op": "is", "value": "gold"}, {"attr": "plan", "op": "is", "value": "pro"}]
    },
    "S3b a number": {"attr": "points", "op": ">", "value": by_hand.POINTS},
    "S4 bought often": S4,
    "S4b bought lately": event("order_placed", ">=", 1, 30),
    "S5 sum of amounts": event("order_placed", ">", by_hand.SUM, 90, metric="sum", of="amount"),
    "S6 never opened": S6,
    "S7 left a cart": {
        "sequence": {
            "first": {"name": "cart_updated"},
            "then_not": {"name": "order_placed"},
            "window": {"last": [14, "days"]},
        }
    },
    "S8 S1 and never opened": {"all": [*S1["all"], S6]},
    "S9 S1 or spent and often": {"any": [S1, {"all": [S2, S4]}]},
}


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL that gives ids, its parameters, and the settings it is run under: those for a rule, or the server's own."""

    sql: str
    parameters: Any
    settings: Callable[[], AbstractContextManager[None]]

    def count(self) -> int:
        return int(self._run(f"SELECT COUNT(*) FROM ({self.sql}) AS found")[0][0])

    def materialise(self) -> None:
        self._run(f"INSERT INTO audience {self.sql}")

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        with self.settings(), connection.cursor() as cursor:
            cursor.execute(sql, self.parameters)
            return cursor.fetchall() if cursor.description else []


# SQLite works in this very process, whose own time no neighbour disturbs.
clock = time.perf_counter if is_postgres() else time.process_time


def seconds(work: Callable[[], object]) -> float:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE audience" if is_postgres() else "DELETE FROM audience")
    began = clock()
    work()
    return clock() - began


def statement(people: SubscriberQuerySet) -> Statement:
    return Statement(*people.order_by().values("pk").query.sql_with_params(), planned)


def of_rule(node: Node) -> Statement:
    return statement(people_of(node, as_of=AT))


def of_changed(node: Node) -> Statement:
    those = RawSQL("SELECT id FROM changed", [])
    meant = compile_rule(node, as_of=AT, few=True, those=those, loose=True)
    return statement(Subscriber.objects.present().filter(meant, pk__in=those))


def best(forms: Sequence[str], work: Callable[[Statement], object]) -> Statement:
    """The form that is fastest at this, of two tries each."""
    settings = (planned, nullcontext) if is_postgres() else (nullcontext,)
    ways = [Statement(form, by_hand.parameters(), one) for form in forms for one in settings]
    times = {way: min(attempt(partial(work, way)) for _ in range(2)) for way in ways}
    return min(ways, key=times.__getitem__)


def attempt(work: Callable[[], object]) -> float:
    """How long it takes, unless that is so long that another form is surely better."""
    try:
        with time_limit(TOO_LONG):
            return seconds(work)
    except OutOfTime:
        return float("inf")


def compare(running: Bench, name: str, node: Node, forms: Sequence[str]) -> None:
    """Count and materialise in turns."""
    rule = of_rule(node)
    check(name, rule, forms)
    verbs: dict[str, Callable[[Statement], object]] = {"count": Statement.count, "materialise": Statement.materialise}
    for verb, work in verbs.items():
        hand, base = best(forms, work), f"{name}, {verb}, by hand"
        for _round in range(ROUNDS):
            running.add(base, 1, seconds(partial(work, hand)))
            running.add(f"{name}, {verb}", 1, seconds(partial(work, rule)), baseline=base)


def count_live(running: Bench, name: str, node: Node) -> None:
    """The whole of what the editor waits for: choosing the form, compiling, counting."""
    for _round in range(ROUNDS):
        began = time.perf_counter()
        counted = count_within(node=node, as_of=AT, seconds=60)
        running.add(f"{name}, live count", 1, time.perf_counter() - began)
    running.say(f"{name}: {counted.people:,} people.")


def check(name: str, rule: Statement, forms: Sequence[str]) -> None:
    """Refuse to tell figures when a form and the rule do not mean the same people."""
    for form in forms:
        hand = Statement(form, by_hand.parameters(), planned)
        seconds(hand.materialise)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS wanted")
            cursor.execute("CREATE TEMPORARY TABLE wanted AS SELECT * FROM audience")
        seconds(rule.materialise)
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM wanted")
            found = cursor.fetchone()[0]
            cursor.execute(
                "SELECT (SELECT COUNT(*) FROM audience), (SELECT COUNT(*) FROM wanted JOIN audience USING (id))"
            )
            if cursor.fetchone() != (found, found):
                raise SystemExit(f"{name}: by hand and by the rule are other people; the figures mean nothing.\n{form}")


def refresh(running: Bench, name: str, node: Node) -> None:
    full, changed = of_rule(node), of_changed(node)
    for _round in range(ROUNDS):
        running.add(f"{name}, everybody", 1, seconds(full.materialise))
        running.add(f"{name}, the changed", 1, seconds(changed.materialise), baseline=f"{name}, everybody")


def compile_many(running: Bench) -> None:
    """The time from the JSON of many rules to their SQL, without that of the progress bar beside it."""
    cities = [{"attr": "city", "op": "is", "value": f"Town {number}"} for number in range(LEAVES // 4)]
    points = [{"attr": "points", "op": ">", "value": number} for number in range(LEAVES // 4)]
    bought = [event("order_placed", ">=", 2 + number, 90) for number in range(LEAVES // 4)]
    opened = [event("email_opened", ">=", 1, 1 + number) for number in range(LEAVES // 4)]
    rule = {"all": [{"any": [*cities, *points]}, {"none": [*bought, *opened]}]}
    vocabulary = Vocabulary.of()
    for _round in range(ROUNDS * 2):
        began = time.thread_time()
        node = parse(rule, vocabulary=replace(vocabulary, leaves=[]))
        Subscriber.objects.filter(compile_rule(node, as_of=AT)).query.sql_with_params()
        running.add(f"compile {LEAVES} rules", LEAVES, time.thread_time() - began)


def choose(running: Bench) -> None:
    """The short query that tells which form suits."""
    node = parse(RULES["S8 S1 and never opened"])
    for _round in range(ROUNDS):
        running.add("choose a form for S8", 1, seconds(lambda: narrow_groups(node, as_of=AT)))


def tables() -> None:
    """What the statements write to, and those who are taken to have changed."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE audience (id bigint)")
        cursor.execute("CREATE TEMPORARY TABLE changed (id bigint PRIMARY KEY)")
        step = round(1 / CHANGED)
        cursor.execute(f"INSERT INTO changed SELECT id FROM {Subscriber._meta.db_table} WHERE id %% %s = 1", [step])
        if is_postgres():
            cursor.execute("ANALYZE changed")


def main() -> None:
    rows = FULL if os.environ.get("FULL") == "1" else QUICK
    with bench(__doc__ or "", unit="questions", rows=rows, keeps="personalize-segments") as (running, people):
        if Subscriber.objects.count() != people:
            if Subscriber.objects.exists():
                call_command("flush", interactive=False, verbosity=0)
            make_shop(people)
        tables()
        asked = {name: rule for name, rule in RULES.items() if kinds.by_key("sequence") or "sequence" not in rule}
        if only := os.environ.get("ONLY"):
            asked = {name: rule for name, rule in asked.items() if name.split()[0] in only.split(",")}
        forms = by_hand.forms()
        for name, rule in asked.items():
            compare(running, name, parse(rule), forms[name])
        for name, rule in asked.items():
            count_live(running, name, parse(rule))
            if name.split()[0] in REFRESHED:
                refresh(running, name, parse(rule))
        choose(running)
        compile_many(running)
        ratios = sorted(running.ratio(one) or 0 for one in running.measures if one.baseline.endswith("by hand"))
        running.say(f"Rules over hand-written SQL: median {median(ratios):.2f}, highest {ratios[-1]:.2f}.")


if __name__ == "__main__":
    main()
