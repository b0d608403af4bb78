"""How people are greeted, whatever stands in the name fields."""

from __future__ import annotations

import pytest

from personalize.rendering.greetings import SALUTATIONS, first_name, greet


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("Ann", "Ann"),
        ("ann", "Ann"),
        ("BOB", "Bob"),
        ("bOB", "bOB"),
        ("deShawn", "deShawn"),
        ("LaToya", "LaToya"),
        ("mary ann", "Mary Ann"),
        ("JEAN-LUC", "Jean-Luc"),
        ("o'brien", "O'Brien"),
        ("MCDONALD", "McDonald"),
        ("maria del carmen", "Maria del Carmen"),
        ("  Ann\u200b\u202e ", "Ann"),
        ("e\u0301ric", "Éric"),
        ("AJ", "AJ"),
        ("李", "李"),
        ("지우", "지우"),
        ("राम", "राम"),
        ("محمد", "محمد"),
        ("Ann Whitaker", "Ann"),
        ("Mary Ann", "Mary Ann"),
    ],
)
def test_a_name_is_cleaned_and_cased_with_care(written: str, called: str):
    assert first_name({"first_name": written, "last_name": "Whitaker"}) == called


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "yyy1216", "test", "Test User", "N/A", "null", "customer", "business", "Acme Ltd", "A", "J."),
        *("{{7*7}}", "{% for %}", "<img src=x>", "ann@post.example", "http://x.example", "aaaann", "x" * 41, "Ann 😀"),
        "ann.whitaker",
    ],
)
def test_what_is_no_name_is_not_said(written: str):
    assert first_name({"first_name": written, "email": "ann.whitaker@post.example"}) == ""


def test_the_preferred_name_wins():
    assert first_name({"first_name": "Elizabeth", "preferred_name": "Liz"}) == "Liz"


def test_a_useless_preferred_name_gives_way_to_the_first_name():
    assert first_name({"first_name": "Elizabeth", "preferred_name": "n/a"}) == "Elizabeth"


def test_turkish_letters_keep_their_dots():
    assert first_name({"first_name": "ipek", "language": "tr"}) == "İpek"
    assert first_name({"first_name": "IŞIL", "language": "tr-TR"}) == "Işıl"


@pytest.mark.parametrize(
    ("language", "formality", "person", "text"),
    [
        ("en", "informal", {"first_name": "ann"}, "Hi Ann,"),
        ("en-GB", "informal", {}, "Hello,"),
        ("en", "formal", {"last_name": "Whitaker", "title": "Ms"}, "Dear Ms Whitaker,"),
        ("en", "formal", {"last_name": "Whitaker", "title": "Dr."}, "Dear Dr Whitaker,"),
        ("en", "formal", {"last_name": "Whitaker", "title": "Mx"}, "Dear Mx Whitaker,"),
        ("en", "formal", {"first_name": "Ann", "last_name": "Whitaker"}, "Good day,"),
        ("en", "formal", {"title": "Ms"}, "Good day,"),
        ("de", "informal", {"first_name": "jürgen"}, "Hallo Jürgen,"),
        ("de-AT", "informal", {}, "Hallo,"),
        ("de", "formal", {"last_name": "MEIER", "title": "Frau"}, "Sehr geehrte Frau Meier,"),
        ("de", "formal", {"last_name": "Meier", "title": "Herr Dr."}, "Sehr geehrter Herr Dr. Meier,"),
        ("de", "formal", {"last_name": "Meier", "title": "Dr."}, "Guten Tag Dr. Meier,"),
        ("de", "formal", {"last_name": "von der Leyen", "title": "Frau"}, "Sehr geehrte Frau von der Leyen,"),
        ("de", "formal", {"first_name": "Kim", "last_name": "Meier"}, "Guten Tag,"),
        ("de", "formal", {"last_name": "Meier", "title": "Käpt’n"}, "Guten Tag,"),
        ("xx", "informal", {"first_name": "Ann"}, "Hi Ann,"),
    ],
)
def test_the_salutation_comes_whole_from_the_table(language: str, formality: str, person: dict[str, str], text: str):
    assert greet(person, language=language, formality=formality).text == text


@pytest.mark.parametrize("language", SALUTATIONS)
@pytest.mark.parametrize("formality", ["informal", "formal"])
def test_nobody_is_greeted_with_a_gap_where_the_name_should_be(language: str, formality: str):
    greeting = greet({"first_name": "test", "title": "Ms"}, language=language, formality=formality)
    assert greeting.name == ""
    assert "{" not in greeting.text
    assert " ," not in greeting.text


def test_a_right_to_left_name_does_not_turn_the_line_around():
    assert greet({"first_name": "محمد"}, language="en", formality="informal").text == "Hi \u2068محمد\u2069,"
