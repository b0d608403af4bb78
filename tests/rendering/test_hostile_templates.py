"""What a template can try, and that it gets nowhere: no bomb goes off, nothing of Python is reached."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from personalize.rendering.renderer import Renderer
from personalize.rendering.types import Job, Rendered

Refusal = Callable[..., str]

BOMBS = {
    "long range": "{% for a in range(1000000000) %}{% endfor %}",
    "two long loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "two loops with much output": "{% for a in range(999) %}{% for b in range(999) %}xxxx{% endfor %}{% endfor %}",
    "repeated text": "{{ 'a' * 1000000000 }}",
    "repeated list": "{{ [1] * 1000000000 }}",
    "wide percent": "{{ '%0900000000d' % 1 }}",
    "wide format": "{{ '{:0900000000d}'.format(1) }}",
    "zfill": "{{ 'a'.zfill(400000000) }}",
    "center": "{{ 'a' | center(400000000) }}",
    "indent": "{{ 'a' | indent(300000000) }}",
    "batch": "{{ [1] | batch(300000000, 'x') }}",
    "slice": "{{ [1] | slice(100000000) }}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "power": "{{ 9 ** 20000000 }}",
    "growing replace": "{{ s | replace('a', s) | replace('a', s) | replace('a', s) }}",
    "doubling": "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "macro calling itself": "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "twenty thousand fields": "{{ a }}" * 20_000,
    "parentheses": "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "nested ifs": "{% if a %}" * 2_000 + "{% endif %}" * 2_000,
    "nested tables": "<table>" * 3_000 + "{{ a" + "</table>" * 3_000,
    "three loops": "{% for a in s %}{% for b in s %}{% for c in s %}{% endfor %}{% endfor %}{% endfor %}",
    "five megabytes": "x" * 5_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_a_moment(refusal: Refusal, name: str):
    started = time.monotonic()
    assert refusal(BOMBS[name], s="a" * 1_000) != ""
    assert time.monotonic() - started < 4  # One second where nothing else runs, and room for a busy machine.


@pytest.mark.parametrize(
    "source",
    [
        "{{ subscriber.__class__.__mro__ }}",
        "{{ subscriber['__class__'] }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ subscriber | attr('__class__') }}",
        "{{ 'a%s' | format('b') }}",
        "{{ x | safe }}",
        "{{ x | map(attribute='y') }}",
        "{% autoescape false %}{{ x }}{% endautoescape %}",
        "{% include 'secrets' %}",
        "{% import 'os' as os %}",
        "{% extends 'base' %}",
        "{% set ns.x = 1 %}",
        "{{ self }}",
    ],
)
def test_the_inside_of_python_is_not_available(refusal: Refusal, source: str):
    reason = refusal(source, subscriber={"first_name": "Ann"}, x="<b>")
    assert "not available in templates" in reason or "No filter named" in reason or "template" in reason


@pytest.mark.parametrize("call", ["delete()", "save()", "objects.all()", "items()", "first_name.upper()", "pop('x')"])
def test_data_has_nothing_to_call(refusal: Refusal, call: str):
    assert "not available in templates" in refusal(f"{{{{ subscriber.{call} }}}}", subscriber={"first_name": "Ann"})


@pytest.mark.parametrize("name", ["settings", "request", "env", "config", "lipsum", "cycler", "namespace", "dict"])
def test_names_of_other_template_engines_mean_nothing(render: Callable[..., str], name: str):
    assert render(f"[{{{{ {name} }}}}]") == "[]"


def test_methods_of_values_are_empty_fields(render: Callable[..., str]):
    assert render("[{{ subscriber.keys }}{{ name.upper }}]", subscriber={"a": 1}, name="Ann") == "[]"


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc, which Linux has")


@needs_proc
def test_the_child_has_none_of_the_parents_secrets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "the-secret")
    with Renderer(memory_mb=512, message_seconds=1, compile_seconds=2) as renderer:
        renderer.check({"text": "x"})
        process = renderer._process
        assert process is not None
        with open(f"/proc/{process.pid}/environ", "rb") as environment:
            assert b"the-secret" not in environment.read()


@needs_proc
def test_the_parent_does_not_grow_with_what_a_template_tries(renderer: Renderer):
    before = _resident_mb()
    for _ in range(3):
        renderer.render("grow", {"html": BOMBS["doubling"]}, [Job("1", ("html",), {})])
    assert _resident_mb() - before < 20


def test_after_a_bomb_the_next_mail_is_rendered(renderer: Renderer, render: Callable[..., str]):
    renderer.render("bomb", {"html": BOMBS["doubling"]}, [Job("1", ("html",), {})])
    assert render("Hi {{ name }}", name="Ann") == "Hi Ann"


def test_one_poison_recipient_leaves_its_neighbours_alone(renderer: Renderer):
    source = "{% set x = 'aaaaaaaaaa' %}{% if poison %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}{% endif %}{{ name }}"
    jobs = [Job(str(n), ("text",), {"name": f"person {n}", "poison": n == 3}) for n in range(7)]
    done = renderer.render("poison", {"text": source}, jobs)
    assert [one.id for one in done] == [job.id for job in jobs]
    rendered = {one.id: one.parts["text"] for one in done if isinstance(one, Rendered)}
    assert rendered == {str(n): f"person {n}" for n in range(7) if n != 3}
    assert getattr(done[3], "reason", "").startswith("render: ")


def test_a_mail_that_cannot_be_calculated_fails_alone_and_says_why(renderer: Renderer):
    jobs = [Job(str(n), ("text",), {"orders": {"count": n}}) for n in (0, 2)]
    failed, done = renderer.render("division", {"text": "{{ 10 / orders.count }}"}, jobs)
    assert getattr(failed, "reason", "") == "render: division by zero in line 1"
    assert isinstance(done, Rendered)


def test_calculating_with_an_empty_field_names_the_field(renderer: Renderer):
    (failed,) = renderer.render("missing", {"text": "{{ orders.total + 1 }}"}, [Job("1", ("text",), {"orders": {}})])
    assert getattr(failed, "reason", "") == "render: orders.total is empty"


def test_failures_repeat_no_value_of_a_person(renderer: Renderer):
    data = {"subscriber": {"name": "Ann Whitaker"}}
    (failed,) = renderer.render("private", {"text": "{{ subscriber.name - 1 }}"}, [Job("1", ("text",), data)])
    assert getattr(failed, "reason", "").startswith("render: ")
    assert "Ann" not in getattr(failed, "reason", "")


def test_problems_name_their_part_and_line(renderer: Renderer):
    problems = renderer.check({"subject": "fine", "text": "one\ntwo {{ oops \n"})
    assert [(one.part, one.line) for one in problems] == [("text", 2)]


def test_the_fields_a_source_reads_are_found(renderer: Renderer):
    source = (
        "{% for item in trigger.items %}{{ item.title }}{{ loop.index }}{% endfor %}{{ subscriber['city'] | upper }}"
    )
    assert renderer.analyse({"text": source}).fields["text"] == ("subscriber.city", "trigger.items")


def _resident_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
