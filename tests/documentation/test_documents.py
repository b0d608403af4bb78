"""The documents name what there is: every setting, every command, every model, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

ROOT = Path(__file__).parent.parent.parent
OURS = ("personalize.", "segments.", "campaigns.")
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if p.is_file())

# Names of the code that the glossary explains under a plainer word.
PLAINER = {
    "AttributeDefinition": "attribute",
    "ExternalId": "external id",
    "OrderLine": "line",
    "RefundLine": "line",
    "TemplateVersion": "version",
    "FrequencyCount": "frequency cap",
    "Worker": "look",
    "SignupForm": "sign-up form",
    "ApiKey": "API key",
}


def settings_read() -> list[str]:
    source = (ROOT / "personalize" / "settings.py").read_text()
    return sorted(set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', source)))


def commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if str(app).startswith(OURS))


def own_models() -> list[str]:
    return sorted(m.__name__ for m in apps.get_models() if m.__module__.startswith(OURS))


def anchors(page: Path) -> set[str]:
    """The fragment names of a page's headings, in the usual spelling: lower case, punctuation out, spaces to hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", settings_read())
def test_every_setting_has_its_row(name):
    assert re.search(rf"^\| `{name}` \| .+ \| .+ \|$", (ROOT / "docs/settings.md").read_text(), flags=re.MULTILINE)


def test_no_row_describes_a_setting_that_nobody_reads():
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), flags=re.MULTILINE)
    elsewhere = {"TEST_DATABASE_URL", "TEST_REDIS_URL", "PERSONALIZE_NO_BOOTSTRAP"}
    assert set(rows) - elsewhere == set(settings_read())


@pytest.mark.parametrize("name", commands())
def test_every_command_has_its_heading(name):
    assert f"\n## {name}\n" in (ROOT / "docs/commands.md").read_text()


@pytest.mark.parametrize("model", own_models())
def test_every_kind_of_row_is_explained_in_the_glossary(model):
    word = PLAINER.get(model) or re.sub(r"(?<!^)([A-Z])", r" \1", model).lower()
    assert f"**{word}**" in (ROOT / "docs/glossary.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page):
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or (fragment and aim.suffix == ".md" and fragment not in anchors(aim)):
            lost.append(target)
    assert not lost


def test_the_readme_gives_two_commands_to_begin_with():
    first_block = re.search(r"```\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert first_block
    assert first_block[1].splitlines() == ["python3 manage.py demo", "python3 manage.py test"]


def test_every_direct_dependency_has_its_reason():
    project = (ROOT / "pyproject.toml").read_text()
    direct = re.search(r"^dependencies = \[(.*?)^\]", project, flags=re.MULTILINE | re.DOTALL)
    assert direct
    names = re.findall(r'"([a-z0-9-]+)', direct[1])
    reasons = (ROOT / "docs/decisions/0003-dependencies.md").read_text()
    assert [name for name in names if not re.search(rf"^\|.*\b{name}\b.*\|", reasons, flags=re.MULTILINE)] == []
