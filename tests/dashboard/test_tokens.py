"""Colours: contrast is as the design page says, and no colour is named outside the tokens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSS = ROOT / "personalize" / "dashboard" / "static" / "dashboard" / "css"
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);")
RAW_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})\b(?![\w-])|\b(?:rgba?|hsla?)\(")

TOKENS = {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())}
ROW = re.compile(r"^\| ([^|]+) on ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "design.md").read_text())


def token_of(words: str) -> str:
    """The token that the table's words name: ``accent hovered`` is accent-hover, ``warn solid`` is warn."""
    name = re.sub(r" \(.*\)", "", words).strip()
    name = {"canvas": "n-2"}.get(name, name).replace(" hovered", " hover").removesuffix(" solid")
    return name.replace(" ", "-")


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_table_of_contrasts_is_whole():
    assert len(ROWS) == 32


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} on {row[1]}")
def test_contrast_is_as_the_design_page_says_and_enough(row: tuple[str, str, str, str, str]):
    text, ground, *figures = row
    said_light, said_dark, needed = map(float, figures)
    for scheme, said in enumerate((said_light, said_dark)):
        found = contrast(TOKENS[token_of(text)][scheme], TOKENS[token_of(ground)][scheme])
        assert round(found, 2) == pytest.approx(said, abs=0.011)
        assert found >= needed


@pytest.mark.parametrize("number", range(1, 8))
def test_initials_are_readable_on_every_tint(number: int):
    for scheme, needed in enumerate((5.5, 6.9)):
        assert contrast(TOKENS[f"face-{number}-text"][scheme], TOKENS[f"face-{number}"][scheme]) >= needed


def test_the_confirming_button_of_a_dialog_is_readable():
    for scheme in (0, 1):
        assert contrast(TOKENS["on-bad"][scheme], TOKENS["bad"][scheme]) >= 4.5


def test_no_style_sheet_or_page_names_a_raw_colour():
    sheets = [path for path in CSS.parent.parent.rglob("*.css") if path.name != "tokens.css"]
    # Mails, and the data that people are handed, carry their own colours: they are read where no token reaches.
    apart = {"email", "export_data.html"}
    pages = [path for path in (ROOT / "templates").rglob("*.html") if not apart & set(path.parts)]
    raw = {path.name: RAW_COLOUR.findall(path.read_text()) for path in (*sheets, *pages)}
    assert {name: found for name, found in raw.items() if found} == {}


@pytest.mark.parametrize("sheet", sorted(CSS.glob("*.css")), ids=lambda sheet: sheet.name)
def test_what_is_opened_in_a_style_sheet_is_closed(sheet):
    depth = 0
    for number, line in enumerate(sheet.read_text().splitlines(), 1):
        assert not (line.startswith("/*") and depth), f"Line {number} stands inside of what was opened above it."
        depth += line.count("{") - line.count("}")
    assert depth == 0
