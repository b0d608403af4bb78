"""From blocks to what is rendered for each person: MJML, then Jinja2 sources, the plain part and the table of links."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from mjml import mjml2html

from personalize.content import blocks as block_types
from personalize.content import markup, plaintext, style
from personalize.content.addresses import Addresses
from personalize.content.blocks import Block, Kind
from personalize.content.holes import Holes
from personalize.content.types import Compiled, Problem
from personalize.rendering import fields as merge_fields
from personalize.rendering.layout import Layout
from personalize.rendering.renderer import Renderer
from segments.segmentation.rules.parse import RuleError, parse

# Where an inbox shows what stands there before the mail is opened.
_SHOWN_UNOPENED = (("", "subject"), ("", "preheader"))
# What the frame itself reads; not for people to use.
_INTERNAL = ("show", "products", "links", "language")
_PIXEL = '<img src="{{ links.open }}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'


@dataclass(frozen=True)
class Frame:
    """What the brand puts around every mail: name in letters, address of its shop, style."""

    name: str
    website: str
    style: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A mail as it was written, before anything was checked."""

    subject: str
    preheader: str
    blocks: object


def compile_mail(draft: Draft, *, frame: Frame, renderer: Renderer, marketing: bool = True) -> Compiled | list[Problem]:
    """Compile a draft, or say what is wrong with it and where.

    A marketing mail needs a footer: that is where people see who writes, why, and how to leave.
    """
    blocks, problems = block_types.read(draft.blocks)
    if not draft.subject.strip():
        problems.append(Problem("", "subject", _("A mail needs a subject.")))
    if marketing and not problems and not any(block.type.key == "footer" for block in blocks):
        problems.append(Problem("", "blocks", _("A marketing mail needs a footer, with the unsubscribe link in it.")))
    used, faults = _check_texts(draft, blocks, renderer)
    problems += faults
    problems += _check_rules(blocks)
    if problems:
        return problems
    return _build(draft, blocks, frame, used, renderer)


def _check_texts(draft: Draft, blocks: list[Block], renderer: Renderer) -> tuple[set[str], list[Problem]]:
    """The merge fields people wrote, and what is wrong with their tags, text by text."""
    places: dict[str, tuple[str, str]] = {}
    sources: dict[str, str] = {}
    for block, key, text in _texts(draft, blocks):
        name = f"{len(places)}"
        places[name], sources[name] = (block, key), text
    analysis = renderer.analyse(sources)
    problems: list[Problem] = []
    for fault in analysis.problems:
        block, key = places.get(fault.part, ("", ""))
        where = _("Line %d: ") % fault.line if fault.line > 1 else ""
        problems.append(Problem(block, key, f"{where}{fault.message}"))
    used = {path for paths in analysis.fields.values() for path in paths}
    unknown = merge_fields.sources.unknown(used)
    for name, paths in analysis.fields.items():
        problems += [Problem(*places[name], _no_such_field(path, unknown[path])) for path in paths if path in unknown]
        if places[name] in _SHOWN_UNOPENED:
            problems += [
                Problem(*places[name], _("“%s” is sensitive, and an inbox shows this to whoever looks.") % path)
                for path in sorted(used & _sensitive())
                if path in paths
            ]
    return used, problems


def _sensitive() -> set[str]:
    return {one.key for one in merge_fields.sources.all() if one.sensitive}


def _no_such_field(path: str, nearest: str) -> str:
    message = _("There is no field “%s”.") % path
    return f"{message} {_('Did you mean “%s”?') % nearest}" if nearest else message


def _texts(draft: Draft, blocks: list[Block]) -> list[tuple[str, str, str]]:
    """Every text in which tags may stand: block, field, text."""
    texts = [("", "subject", draft.subject), ("", "preheader", draft.preheader)]
    plain = (Kind.CHOICE, Kind.NUMBER, Kind.FLAG)
    for block in blocks:
        texts += [(block.id, one.key, block[one.key]) for one in block.type.fields if one.kind not in plain]
    return texts


def _check_rules(blocks: list[Block]) -> list[Problem]:
    problems: list[Problem] = []
    for block in blocks:
        if block.show_when:
            try:
                parse(block.show_when)
            except RuleError as error:
                problems.append(Problem(block.id, "show_when", error.message))
    return problems


def _build(
    draft: Draft, blocks: list[Block], frame: Frame, used: set[str], renderer: Renderer
) -> Compiled | list[Problem]:
    holes = Holes()
    addresses = Addresses(holes)
    html = _html(draft, blocks, frame, holes, addresses)
    text = plaintext.source(
        blocks,
        lift=holes.lift_from_people,
        href=lambda block, key, url, label: addresses.href(block.id, key, url, label),
    )
    if addresses.problems:
        return addresses.problems
    open_pixel = html.replace("</body>", f"{holes.keep(_PIXEL)}</body>")
    compiled = {
        "subject": draft.subject,
        "preheader": draft.preheader,
        "html_tracked": holes.fill(open_pixel, html=True, tracked=True),
        "html_untracked": holes.fill(html, html=True, tracked=False),
        "text_tracked": holes.fill(text, html=False, tracked=True),
        "text_untracked": holes.fill(text, html=False, tracked=False),
    }
    analysis = renderer.analyse(compiled)
    if analysis.problems:
        return [Problem("", fault.part, fault.message) for fault in analysis.problems]
    read = used.union(*analysis.fields.values())
    return Compiled(
        compiled=compiled,
        links=addresses.table,
        fields=sorted(path for path in read if path.split(".")[0] not in _INTERNAL),
        rules={block.id: block.show_when for block in blocks if block.show_when},
        products={block.id: _request(block) for block in blocks if block.type.key == "products"},
    )


def _html(draft: Draft, blocks: list[Block], frame: Frame, holes: Holes, addresses: Addresses) -> str:
    """The mail's HTML with holes, by way of MJML; loads neither fonts nor icons from anywhere."""
    lift = holes.lift_from_people
    home = addresses.href("header", "website", frame.website, frame.name) if frame.website else ""
    source = _layout().render(
        "mail.mjml.j2",
        subject=lift(draft.subject),
        preheader=lift(draft.preheader),
        blocks=[_view(block, holes, addresses) for block in blocks],
        brand_name=frame.name,
        home=home,
        style=style.of(frame.style),
    )
    return mjml2html(holes.lift(source), fonts={}, social_icon_origin="https://personalize.invalid/")


def _view(block: Block, holes: Holes, addresses: Addresses) -> dict[str, Any]:
    """A block's values as the layout prints them: tags taken out, addresses checked, markup turned into HTML."""
    label = holes.lift_from_people(str(block.values.get("label") or block.values.get("alt") or ""))

    def shown(key: str, kind: Kind, value: Any) -> Any:
        if kind is Kind.RICH:
            return _rich(block.id, key, holes.lift_from_people(value), addresses)
        if kind is Kind.LINE:
            return holes.lift_from_people(value).strip()
        if kind is Kind.LINK:
            return addresses.href(block.id, key, holes.lift_from_people(value), label) if value else ""
        if kind is Kind.PICTURE:
            return addresses.picture(block.id, key, holes.lift_from_people(value))
        return value

    values = {one.key: shown(one.key, one.kind, block[one.key]) for one in block.type.fields}
    return {"id": block.id, "type": block.type.key, "conditional": bool(block.show_when), **values}


def _rich(block: str, key: str, text: str, addresses: Addresses) -> SafeString:
    # The markup escapes everything it did not make itself.
    return mark_safe(markup.to_html(text, lambda url, label: addresses.href(block, key, url, label)))


def _request(block: Block) -> dict[str, Any]:
    return {key: block[key] for key in ("recipe", "limit", "fallback", "in_stock", "not_bought", "category")}


@lru_cache(maxsize=1)
def _layout() -> Layout:
    return Layout(settings.ROOT / "templates" / "email")
