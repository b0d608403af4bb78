"""The shape of the code: who imports whom, who listens to whom, and that the tables are as the models say."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import models
from importlinter.application.use_cases import SUCCESS, lint_imports
from importlinter.configuration import configure

from personalize.core import hooks, registries
from segments.subscribers.models import Subscriber

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("personalize", "segments", "campaigns")

# Who listens to what, completely. A new listener is an effect at a distance: it is added here on purpose.
LISTENERS: dict[str, set[str]] = {
    "event_recorded": {"segments.segmentation.receivers.on_event_recorded"},
    "consent_changed": {
        "segments.events.receivers.on_consent_changed",
        "segments.segmentation.receivers.on_consent_changed",
        "campaigns.automations.receivers.on_consent_changed",
    },
    "subscriber_changed": {
        "segments.segmentation.receivers.on_people_changed",
        "campaigns.automations.receivers.on_subscriber_changed",
    },
    "facts_changed": {"segments.segmentation.receivers.on_people_changed"},
    "outcome_applied": {"segments.segmentation.receivers.on_outcome_applied"},
    "mail_requested": {"campaigns.delivery.receivers.on_mail_requested"},
}


def app_folders() -> list[Path]:
    return sorted(path.parent for package in PACKAGES for path in (ROOT / package).glob("*/__init__.py"))


def test_imports_only_go_down(capsys):
    configure()
    result = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)
    assert result == SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("hook", sorted(LISTENERS))
def test_the_listeners_of_a_hook_are_exactly_those_listed(hook):
    assert set(getattr(hooks, hook).listeners()) == LISTENERS[hook]


def test_every_hook_has_its_list():
    assert {name for name, value in vars(hooks).items() if isinstance(value, hooks.Hook)} == set(LISTENERS)


@pytest.mark.parametrize("folder", app_folders(), ids=lambda folder: f"{folder.parent.name}.{folder.name}")
def test_every_app_says_in_one_sentence_what_it_is_for(folder):
    sentence = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence


def test_every_module_says_what_it_is_for():
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if "migrations" not in path.parts
        and path.read_text()  # An empty file only makes a folder a package.
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_say():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.split(".")[0] in PACKAGES]


def test_every_model_can_be_looked_at_in_the_administration():
    shown = set(admin.site._registry)
    for page in admin.site._registry.values():
        shown |= {inline.model for inline in page.inlines}
    assert [model.__name__ for model in our_models() if model not in shown] == []


def leads_to_a_person(model: type[models.Model]) -> bool:
    """By a key, or by the hash of an address."""
    return model is not Subscriber and any(
        field.related_model is Subscriber or field.name == "address_key" for field in model._meta.fields
    )


def test_every_model_that_leads_to_a_person_declares_what_becomes_of_it():
    declared = {entry.model for entry in registries.personal_data}
    about_people = [model for model in our_models() if leads_to_a_person(model)]
    assert {"Event", "Suppression"} <= {model.__name__ for model in about_people}
    assert [model._meta.label for model in about_people if model._meta.label not in declared] == []


def index_beginnings(model: type[models.Model]) -> set[str]:
    """The first columns of the indexes of whole tables that are declared, unique ones included."""
    whole = [index.fields for index in model._meta.indexes if index.fields and index.condition is None]
    whole += [
        one.fields
        for one in model._meta.constraints
        if isinstance(one, models.UniqueConstraint) and one.fields and one.condition is None
    ]
    return {fields[0].removeprefix("-") for fields in whole}


def test_no_key_has_an_index_of_its_own_where_another_begins_with_it():
    twice = [
        f"{model._meta.label}.{field.name}"
        for model in our_models()
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey)
        and field.db_index  # type: ignore[attr-defined]  # Django's own, not typed.
        and not field.unique
        and field.name in index_beginnings(model)
    ]
    assert twice == []


def test_every_app_of_ours_is_installed():
    installed = {config.name for config in apps.get_app_configs()}
    with_config = {f"{folder.parent.name}.{folder.name}" for folder in app_folders() if (folder / "apps.py").exists()}
    assert with_config <= installed


def test_the_bootstrap_needs_the_standard_library_alone():
    tree = ast.parse((ROOT / "personalize" / "bootstrap.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)
    assert (ROOT / "personalize" / "__init__.py").read_text() == ""
