"""What one can do with templates: write them, change them, and save an immutable version of them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import override

from personalize.accounts.models import Brand, User
from personalize.content import builtin, versions
from personalize.content.models import Template, TemplateVersion
from personalize.content.renderers import borrowed_renderer
from personalize.content.types import Problem
from personalize.core import audit, clock


@transaction.atomic
def create_template(*, name: str, subject: str, preheader: str, blocks: list[dict[str, Any]], actor: Any) -> Template:
    """Start a template. It may still be wrong: what is wrong is said when a version of it is saved."""
    now = clock.now()
    template = Template.objects.create(
        name=name, subject=subject, preheader=preheader, blocks=blocks, created_at=now, updated_at=now
    )
    audit.record(actor=actor, action="template.create", target=template)
    return template


@transaction.atomic
def update_template(
    *,
    template: Template,
    lock_version: int,
    actor: Any,
    name: str,
    subject: str,
    preheader: str,
    blocks: list[dict[str, Any]],
) -> bool:
    """Change a template that is still as it was when ``lock_version`` was read; false when somebody else was faster."""
    changed = Template.objects.filter(pk=template.pk, lock_version=lock_version).update(
        name=name,
        subject=subject,
        preheader=preheader,
        blocks=blocks,
        updated_at=clock.now(),
        lock_version=F("lock_version") + 1,
    )
    if changed:
        template.refresh_from_db()
        audit.record(actor=actor, action="template.change", target=template)
    return bool(changed)


def save_version(*, template: Template, actor: Any, marketing: bool = True) -> TemplateVersion | list[Problem]:
    """Compile the template and keep it as its next version, or say what is wrong and where.

    The same content gives the same version back. ``marketing`` mails need a footer; service mails, such as the
    confirmation of an address, may do without.
    """
    with borrowed_renderer() as renderer:
        made = versions.unsaved(template, brand=Brand.objects.get(), renderer=renderer, marketing=marketing)
    return made if isinstance(made, list) else _store(made, actor)


def show_block_when(
    *, template: Template, lock_version: int, block: str, rule: dict[str, Any] | None, actor: Any
) -> TemplateVersion | list[Problem] | None:
    """Let a block be seen by those of whom ``rule`` is true, by everybody without one, and keep that as the next version.

    What is wrong anywhere in the template is given back and nothing is changed; None when somebody else was faster.
    """
    blocks = [
        _shown_when(one, rule) if isinstance(one, dict) and one.get("id") == block else one for one in template.blocks
    ]
    written = Template.objects.get(pk=template.pk)
    written.blocks = blocks
    with borrowed_renderer() as renderer:
        made = versions.unsaved(written, brand=Brand.objects.get(), renderer=renderer, marketing=template.key is None)
    if isinstance(made, list):
        return made
    with transaction.atomic():
        changed = update_template(
            template=template,
            lock_version=lock_version,
            actor=actor,
            name=template.name,
            subject=template.subject,
            preheader=template.preheader,
            blocks=blocks,
        )
        return _store(made, actor) if changed else None


def _shown_when(block: dict[str, Any], rule: dict[str, Any] | None) -> dict[str, Any]:
    kept = {key: value for key, value in block.items() if key != "show_when"}
    return {**kept, "show_when": rule} if rule else kept


def service_version(*, key: str) -> TemplateVersion:
    """The newest version of a built-in service mail, one of ``builtin.WORDINGS``; written on first need.

    It is an ordinary template from then on: who edits it and saves a version decides how the next mail reads. Raises
    KeyError for a key that is not built in.
    """
    newest = TemplateVersion.objects.filter(template__key=key).order_by("-number").first()
    if newest is not None:
        return newest
    with override(Brand.objects.get().language):
        template = _write_built_in(key)
    made = save_version(template=template, actor="system", marketing=False)
    if isinstance(made, list):
        raise ValueError(f"The built-in mail {key!r} cannot be compiled: {made}")
    return made


@transaction.atomic
def _write_built_in(key: str) -> Template:
    words = builtin.WORDINGS[key]()
    at = clock.now()
    taken = Template.objects.filter(name=words.name).exclude(key=key).exists()
    template, new = Template.objects.get_or_create(
        key=key,
        defaults={
            "name": f"{words.name} ({key})" if taken else words.name,
            "subject": words.subject,
            "preheader": words.preheader,
            "blocks": words.blocks(),
            "created_at": at,
            "updated_at": at,
        },
    )
    if new:
        audit.record(actor="system", action="template.create", target=template)
    return template


def problems_of(*, template: Template) -> list[Problem]:
    """What keeps the template from being sent as a marketing mail; empty when nothing does. Stores nothing."""
    with borrowed_renderer() as renderer:
        made = versions.unsaved(template, brand=Brand.objects.get(), renderer=renderer)
    return made if isinstance(made, list) else []


@transaction.atomic
def _store(made: TemplateVersion, actor: Any) -> TemplateVersion:
    # The row lock keeps two savers from taking the same number.
    template = Template.objects.select_for_update().get(pk=made.template_id)
    same = template.versions.filter(content_hash=made.content_hash).first()
    if same is not None:
        return same
    made.number = (template.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    made.created_by = actor if isinstance(actor, User) else None
    made.save(force_insert=True)
    audit.record(actor=actor, action="template.version", target=template, number=made.number)
    return made
