"""What becomes of people's values on their way into a mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personalize.rendering import links
from personalize.rendering.headers import isolate, line
from personalize.rendering.renderer import Renderer
from personalize.rendering.types import Job, Rendered

Render = Callable[..., str]


@pytest.mark.parametrize("value", ["{{7*7}}", "{% for %}", "{{ brand.name }}", "{# x #}"])
def test_template_tags_in_a_value_are_printed_as_they_are(render: Render, value: str):
    assert render("Hi {{ name }}", part="text", name=value) == f"Hi {value}"


def test_markup_in_a_value_is_escaped_in_html_and_left_alone_in_text(render: Render):
    value = '<img src=x onerror="alert(1)">'
    html = render('<a title="{{ name }}">{{ name }}</a>', name=value)
    assert "<img" not in html
    assert 'onerror="' not in html
    assert render("{{ name }}", part="text", name=value) == value


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https:evil",
        " jAvAscript:x",
        'https://a/"><b>',
        "x",
    ],
)
def test_addresses_that_could_run_something_become_a_hash(render: Render, url: str):
    assert render('<a href="{{ url | url }}">', url=url) == '<a href="#">'


@pytest.mark.parametrize("url", ["https://a.example/p?a=1", "http://a.example", "mailto:ann@post.example", "tel:+441"])
def test_ordinary_addresses_are_linked(url: str):
    assert links.safe_url(url) == url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi Ann\r\nBcc: evil@x", "Hi Ann Bcc: evil@x"),
        ("a\x0bb\x0cc\x1cd\x00e", "a b c d e"),
        ("a\x85b\u2028c\u2029d", "a b c d"),
        ("\u202eevil\u202c name", "evil name"),
        ("  much   space ", "much space"),
        (", your table is set", "Your table is set"),
        ("Picked for you, !", "Picked for you!"),
        ("Picked for you,", "Picked for you"),
        ("Hi Ann, your table", "Hi Ann, your table"),
        ("\u2067open isolate", "open isolate"),
        ("Hi \u2068محمد\u2069, x", "Hi \u2068محمد\u2069, x"),
        ("Hi \u2068unclosed", "Hi unclosed"),
    ],
)
def test_a_subject_is_one_clean_line(text: str, expected: str):
    assert line(text) == expected


def test_a_subject_ends_at_250_characters():
    assert len(line("word " * 400)) <= 250


def test_the_renderer_cleans_subject_and_preheader(renderer: Renderer):
    sources = {"subject": "{{ name }}, hello", "preheader": "a\n{{ name }}"}
    (done,) = renderer.render("clean", sources, [Job("1", ("subject", "preheader"), {"name": ""})])
    assert isinstance(done, Rendered)
    assert done.parts == {"subject": "Hello", "preheader": "a"}


def test_an_empty_field_gives_way_to_the_templates_word_then_to_its_own(renderer: Renderer):
    source = "{{ subscriber.city | default('town') }}/{{ subscriber.city }}/{{ subscriber.tier }}"
    data = {"subscriber": {"city": "", "tier": None}, "fallbacks": {"subscriber.city": "your place"}}
    (done,) = renderer.render("fallback", {"text": source}, [Job("1", ("text",), data)])
    assert isinstance(done, Rendered)
    assert done.parts["text"] == "town/your place/"
    assert done.fallbacks == ("subscriber.city", "subscriber.tier")


def test_an_empty_field_is_false_and_neither_more_nor_less(render: Render):
    source = "{% if s.age > 3 or s.age < 3 or s.age %}yes{% else %}no{% endif %}"
    assert render(source, part="text", s={}) == "no"


def test_a_prefix_vanishes_with_its_value(render: Render):
    source = "Picked for you{{ s.name | prefixed(', ') }}"
    assert render(source, part="text", s={"name": "Ann"}) == "Picked for you, Ann"
    assert render(source, part="text", s={"name": ""}) == "Picked for you"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ amount | money }}", "14,50\xa0€"),
        ("{{ day | date }}", "19. November 2026"),
        ("{{ day | date('short') }}", "19.11.26"),
        ("{{ list }}", "a, b"),
        ("{{ list | first }}{{ list | last }}{{ list | length }}", "ab2"),
        ("{{ 'winter tables for all' | truncate(14) }}", "winter…"),
        ("{{ 2.5 | round }}", "3"),
        ("{{ 'a b' | urlencode }}", "a%20b"),
    ],
)
def test_filters_write_as_the_reader_does(render: Render, source: str, expected: str):
    data = {"amount": 145_000, "day": "2026-11-19", "list": ["a", "b"], "language": "de", "currency": "EUR"}
    assert render(source, part="text", **data) == expected


def test_right_to_left_names_are_isolated_and_others_are_not():
    assert isolate("محمد") == "\u2068محمد\u2069"
    assert isolate("Ann") == "Ann"


def test_placeholders_are_replaced_by_name_and_nothing_else_is():
    text = f"{links.sentinel('12')} and {links.sentinel('unsubscribe')} and https://a.example/-/12/"
    assert links.replace(text, lambda name: f"<{name}>") == "<12> and <unsubscribe> and https://a.example/-/12/"


def test_one_mail_never_shows_anothers_data(renderer: Renderer):
    jobs = [Job(str(n), ("text",), {"name": f"only-{n}" if n % 3 else ""}) for n in range(60)]
    for job, done in zip(jobs, renderer.render("own", {"text": "{{ name }}"}, jobs), strict=True):
        assert isinstance(done, Rendered)
        assert (done.id, done.parts["text"]) == (job.id, job.data["name"])
