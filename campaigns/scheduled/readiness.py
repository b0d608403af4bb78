"""Whether a campaign may go out: a list of things in its way, each in words a marketer can act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns.scheduled.models import Campaign
from personalize.accounts.models import Brand
from personalize.content.models import Template
from personalize.content.services import problems_of
from personalize.content.types import Problem
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.reading import RuleError
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.services import check_rule


@dataclass(frozen=True)
class Blocker:
    """One thing in the way: ``part`` names the step it belongs to (audience, content, timing, sender)."""

    part: str
    message: str


def blockers(campaign: Campaign) -> list[Blocker]:
    """Everything that keeps the campaign from being sent; empty when it is ready."""
    return [*settings_blockers(campaign), *_content(campaign)]


def settings_blockers(campaign: Campaign) -> list[Blocker]:
    """The blockers that can be seen without compiling the content."""
    return [*_audience(campaign), *_sender(campaign)]


def broken_rule(campaign: Campaign) -> str:
    """Why a rule that the campaign froze cannot be asked any more, in words; empty while all of them can.

    What a rule names may go after it was frozen, such as a field or a list; of a block also the rule of a segment within it.
    """
    frozen = campaign.audience_rule or {}
    then, now = Vocabulary.of(frozen=frozen.get("segments", {})), Vocabulary.of()
    rules = [(_("Who gets it"), frozen.get("segment"), then), (_("Who is left out"), frozen.get("excluded"), then)]
    for variant in campaign.variants.select_related("version"):
        shown = variant.version.rules if variant.version else {}
        rules += [(_("Block ‘%(block)s’") % {"block": block}, rule, now) for block, rule in shown.items()]
    for place, rule, vocabulary in rules:
        vocabulary.leaves.clear()
        try:
            if rule is not None:
                parse(rule, vocabulary=vocabulary)
        except RuleError as error:
            return _("%(place)s cannot be asked any more: %(problem)s") % {"place": place, "problem": error}
    return ""


def content_blockers(template: Template, problems: Iterable[Problem]) -> list[Blocker]:
    """What is wrong with a template, as blockers that name the block."""
    return [
        Blocker(
            "content",
            _("‘%(name)s’, %(place)s: %(problem)s")
            % {
                "name": template.name,
                "place": _("block ‘%(block)s’") % {"block": problem.block} if problem.block else problem.field,
                "problem": problem.message,
            },
        )
        for problem in problems
    ]


def _audience(campaign: Campaign) -> list[Blocker]:
    found: list[Blocker] = []
    if campaign.segment is None:
        found.append(Blocker("audience", _("Choose who gets it: there is no segment yet.")))
    if campaign.topic is None:
        found.append(Blocker("audience", _("Choose the topic it belongs to; only people who follow it are mailed.")))
    for segment in (campaign.segment, campaign.excluded):
        if segment is None:
            continue
        try:
            check_rule(segment.rule)
        except RuleError as error:
            found.append(
                Blocker(
                    "audience",
                    _("The segment ‘%(name)s’ cannot be used: %(problem)s") % {"name": segment.name, "problem": error},
                )
            )
    return found


def _content(campaign: Campaign) -> list[Blocker]:
    variants = list(campaign.variants.select_related("template"))
    if not variants:
        return [Blocker("content", _("Choose what is sent: there is no template yet."))]
    return [
        blocker
        for variant in variants
        for blocker in content_blockers(variant.template, problems_of(template=variant.template))
    ]


def _sender(campaign: Campaign) -> list[Blocker]:
    found: list[Blocker] = []
    if campaign.sender is None:
        found.append(Blocker("sender", _("Choose the name and address it comes from.")))
    if not Brand.objects.exclude(postal_address="").exists():
        found.append(Blocker("sender", _("Enter the brand’s postal address; every marketing mail must carry it.")))
    return found
