"""What the rule builder asks as one works: draw the rule after an edit, ask a question, find values, count people.

The rule travels with every request, in the form field it stands in. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from personalize.core import clock
from personalize.core.permissions import require
from segments.segmentation import services
from segments.segmentation.builder import drawing, editing
from segments.segmentation.builder.drawing import ADD, KIND, MORE, NEST, TITLE, Twig
from segments.segmentation.builder.editing import Edited, Outcome, Place, Raw, Refusal
from segments.segmentation.builder.links import people_url
from segments.segmentation.builder.parts import Ask, Choice, Choose, Setting, editor_of, things
from segments.segmentation.counting import count_within
from segments.segmentation.effect import effect
from segments.segmentation.explain import Branch, explain
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import GROUPS, RuleError, parse
from segments.segmentation.rules.words import field_words
from segments.segmentation.suggestions import suggest
from segments.segmentation.unknown import unknown
from segments.segmentation.why import Answer, answers
from segments.subscribers import people
from segments.subscribers.models import Subscriber

SOME = 20
SUGGESTED = 30
SHOWN = 6
GOOD_ENOUGH = 1.0
"""How many seconds a count may take before it is told from a sample."""


@require_POST
@require("people.view")
def edit(request: HttpRequest) -> HttpResponseBase:
    """Make one edit, and draw the rule as it is then."""
    asked = Asked(request)
    try:
        raw = asked.rule()
    except ValueError:
        return asked.drawn(request, asked.text)
    try:
        outcome = _edited(asked, editing.grouped(raw), request)
    except (LookupError, ValueError):
        # The page is older than the rule it sends, or somebody made the request up: nothing is changed.
        outcome = Refusal((), _("This rule is not there any more."))
    if isinstance(outcome, Refusal):
        return asked.drawn(request, asked.text, refusal=outcome)
    return asked.drawn(request, drawing.encode(outcome.rule), edited=outcome)


@require_POST
@require("people.view")
def ask(request: HttpRequest) -> HttpResponseBase:
    """The question behind a button, to be answered beside it."""
    asked = Asked(request)
    try:
        rule = editing.grouped(asked.rule())
        node = editing.at(rule, asked.place)
    except (LookupError, ValueError):
        return HttpResponseBadRequest(_("This rule is not there any more."))
    context: dict[str, Any] = {"asked": asked, "setting": asked.setting, "do": "set"}
    if asked.part == MORE:
        return render(request, "segmentation/builder/_more.html", {**context, "moves": _moves(rule, asked.place)})
    if asked.part == KIND:
        context |= {"ask": _kinds(editing.kind_of(node)), "title": _("How they are joined"), "do": "kind"}
    elif asked.part == NEST:
        context |= {"ask": _kinds(""), "title": _("Group"), "do": NEST}
    elif asked.part == ADD:
        context |= {"ask": drawing.whatever(asked.setting), "title": _("Ask about"), "do": ADD}
    else:
        part = drawing.part_at(node, asked.part, asked.setting)
        if part is None or part.ask is None:
            return HttpResponseBadRequest(_("This rule is not there any more."))
        found = part.ask()
        context |= {"ask": found, "title": part.label}
    if isinstance(context["ask"], Choose):
        context["choices"] = _suggested(context["ask"], "")
    return render(request, "segmentation/builder/_ask.html", context)


@require_POST
@require("people.view")
def options(request: HttpRequest) -> HttpResponseBase:
    """The values that fit what is being typed."""
    asked = Asked(request)
    try:
        part = drawing.part_at(editing.at(editing.grouped(asked.rule()), asked.place), asked.part, asked.setting)
    except (LookupError, ValueError):
        return HttpResponseBadRequest(_("This rule is not there any more."))
    found = part.ask() if part and part.ask else None
    if not isinstance(found, Choose):
        return HttpResponseBadRequest(_("This rule is not there any more."))
    typed = request.POST.get("typed", "").strip()[:200]
    context = {"choices": _suggested(found, typed), "typed": typed, "ask": found}
    return render(request, "segmentation/builder/_options.html", context)


@require_POST
@require("people.view")
def count(request: HttpRequest) -> HttpResponseBase:
    """How many people the rule means, as soon as that can be told."""
    asked = Asked(request)
    rule, gone = asked.finished()
    node = parse(rule, vocabulary=asked.setting.vocabulary)
    counted = count_within(node=node, as_of=clock.now(), seconds=GOOD_ENOUGH)
    everybody = Subscriber.objects.present().count()
    context = {
        "setting": asked.setting,
        "counted": counted,
        "seconds": number_format(max(counted.seconds, 0.01), 2),
        "gone": gone,
        "everybody": everybody,
        "share": number_format(round(100 * counted.people / everybody, 1) if everybody else 0, 1),
        "url": people_url(rule),
    }
    response = render(request, "segmentation/builder/_count.html", context)
    # What takes longer is asked for when the answer stands.
    response["HX-Trigger"] = "counted"
    return response


@require_POST
@require("people.view")
def funnel(request: HttpRequest) -> HttpResponseBase:
    """What each rule leaves or finds, to be put beside it."""
    asked = Asked(request)
    rule, _gone = asked.finished()
    tree = explain(parse(rule, vocabulary=asked.setting.vocabulary), as_of=clock.now())
    root = drawing.draw(asked.text, asked.setting).root
    figures = list(_figures(root, tree, rule, [])) if root else []
    return render(
        request,
        "segmentation/builder/_figures.html",
        {"setting": asked.setting, "figures": figures, "total": tree.total},
    )


@require_POST
@require("people.view")
def missing(request: HttpRequest) -> HttpResponseBase:
    """Of how many people is not known what the rule asks."""
    asked = Asked(request)
    found = [
        (field_words(one.field), one.people, people_url({"all": [{"attr": one.field.key, "op": "not_known"}]}))
        for one in unknown(parse(asked.finished()[0], vocabulary=asked.setting.vocabulary))
    ]
    return render(request, "segmentation/builder/_missing.html", {"found": found})


@require_POST
@require("people.view")
def sample(request: HttpRequest) -> HttpResponseBase:
    """Some of the people the rule means; others each time one asks again."""
    asked = Asked(request)
    rule, _gone = asked.finished()
    turn = request.POST.get("turn", "0")
    turn_number = int(turn) if turn.isdecimal() and len(turn) < 7 else 0
    found = services.some_of(rule=rule, as_of=clock.now(), turn=turn_number, most=SOME)
    listed = [(one, one.full_name or people.address_for(request.user, one), people.url(one)) for one in found]
    context = {"first": listed[:SHOWN], "rest": listed[SHOWN:], "turn": turn_number + 1}
    return render(request, "segmentation/builder/_sample.html", context)


@require_POST
@require("people.view")
def why(request: HttpRequest) -> HttpResponseBase:
    """What is true of one person, to be put under each rule, with the fact that decides it."""
    asked = Asked(request)
    wanted = _uuid(request.POST.get("person", ""))
    person = Subscriber.objects.present().filter(uuid=wanted).first() if wanted else None
    found = answers(rule=asked.finished()[0], person=person, as_of=clock.now())
    root = drawing.draw(asked.text, asked.setting).root
    told = {answer.path: answer for answer in found} if isinstance(found, list) else {}
    drawn = list(_answered_twigs(root, told)) if root else []
    context = {"answers": drawn, "inside": told[""].holds if "" in told else None, "setting": asked.setting}
    return render(request, "segmentation/builder/_answers.html", context)


@require_POST
@require("people.view")
def whom(request: HttpRequest) -> HttpResponseBase:
    """People one may ask about, by what is typed of their name."""
    words = request.POST.get("typed", "").strip()[:200]
    found = people.find(request.user, Subscriber.objects.present(), words).order_by("pk")[:SHOWN] if words else []
    listed = [(one, one.full_name or people.address_for(request.user, one)) for one in found]
    return render(request, "segmentation/builder/_whom.html", {"listed": listed, "typed": words})


@require_POST
@require("people.view")
def change(request: HttpRequest) -> HttpResponseBase:
    """What saving the rule would do to the segment it belongs to: who comes in, and who goes."""
    asked = Asked(request)
    segment = Segment.objects.filter(uuid=asked.setting.segment).first() if asked.setting.segment else None
    rule, gone = asked.finished()
    if segment is None or gone:
        return render(request, "segmentation/builder/_change.html", {"found": None})
    try:
        before = parse(segment.meaning)
    except RuleError:
        before = None
    now = clock.now()
    found = effect(
        before=before, after=parse(rule, vocabulary=asked.setting.vocabulary), as_of=now, seconds=GOOD_ENOUGH
    )
    lists = [(_("Come in"), _named(request, found.some_added)), (_("Go"), _named(request, found.some_removed))]
    return render(request, "segmentation/builder/_change.html", {"found": found, "lists": lists})


def _named(request: HttpRequest, those: list[Subscriber]) -> list[tuple[Subscriber, str]]:
    return [(one, one.full_name or people.address_for(request.user, one)) for one in those[:SHOWN]]


class Asked:
    """What every request of the builder says: where the rule stands, the rule itself, and where in it something is asked."""

    def __init__(self, request: HttpRequest) -> None:
        given = request.POST
        self.setting = Setting.of(
            segment=_uuid(given.get("rb_segment", "")),
            field=given.get("rb_field", "rule"),
            id=given.get("rb_id", "id_rule"),
            small=given.get("rb_small") == "1",
            trigger=given.get("rb_trigger") == "1",
        )
        self.text = given.get(self.setting.field, "")
        self.part = given.get("rb_part", "")
        self.address = given.get("rb_place", "")
        self.do = given.get("rb_do", "")

    @property
    def place(self) -> Place:
        """Where in the rule; raises ValueError."""
        return drawing.place_of(self.address)

    def rule(self) -> Any:
        """The rule's JSON; raises ValueError."""
        return drawing.decode(self.text)

    def finished(self) -> tuple[Any, int]:
        """The rule with what cannot be used yet out of the way, and how many conditions that concerns."""
        try:
            rule, gone = drawing.finished(self.rule(), self.setting)
            parse(rule, vocabulary=self.setting.vocabulary)
        except (ValueError, RecursionError):
            return drawing.EVERYBODY, 1
        return {"v": 1, **rule}, gone

    def drawn(
        self, request: HttpRequest, text: str, *, edited: Edited | None = None, refusal: Refusal | None = None
    ) -> HttpResponse:
        """The widget with the rule in ``text``, the focus where the edit was made."""
        made = drawing.draw(text, self.setting)
        context: dict[str, Any] = {"drawing": made}
        if made.root is not None and (edited or refusal):
            if refusal:
                _twig(made.root, refusal.place).refused = refusal.message
            focus, opens = _focus(_twig(made.root, edited.place if edited else self.place), self)
            context |= {"focus": focus, "opens": opens and refusal is None}
        return render(request, "segmentation/builder/widget.html", context)


def _answered_twigs(group: Twig, told: Mapping[str, Answer]) -> Iterator[tuple[Twig, Answer, bool]]:
    """Each condition with its answer, and whether that helps: inside "none" it does when the condition is not true."""
    for twig in group.children:
        if twig.kind:
            yield from _answered_twigs(twig, told)
        elif twig.path in told and not twig.message:
            yield twig, told[twig.path], told[twig.path].holds != (group.kind == "none")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _twig(root: Twig, place: Place) -> Twig:
    return next((twig for twig in root.walk() if twig.place == place), root)


def _focus(found: Twig, asked: Asked) -> tuple[str, bool]:
    """The id of the button that is next, and whether its question opens by itself: it does where something is unfinished."""
    if found.kind:
        empty = asked.do == NEST and not found.children
        return drawing.element_id(asked.setting, found.place, ADD if empty else KIND), empty
    if asked.do in (ADD, "set"):
        unanswered = next((button for line in found.lines for button in line if button.open), None)
        if unanswered:
            return unanswered.id, True
    part = TITLE
    if asked.do == "set" and asked.part and not asked.part.endswith("[+]"):
        part = asked.part
    elif asked.do in ("up", "down", "into", "move"):
        part = MORE
    return drawing.element_id(asked.setting, found.place, part), False


def _edited(asked: Asked, rule: Any, request: HttpRequest) -> Outcome:
    place, value = asked.place, request.POST.get("value", "")
    match asked.do:
        case "":
            return Edited(rule)
        case "add":
            fresh = _fresh(value, asked.setting)
            return editing.add(rule, place, fresh) if fresh else Refusal(place, _("This cannot be asked about here."))
        case "nest":
            return editing.add(rule, place, {value if value in GROUPS else "any": []})
        case "kind":
            return editing.regroup(rule, place, value)
        case "remove":
            return editing.remove(rule, place)
        case "duplicate":
            return editing.duplicate(rule, place)
        case "wrap":
            return editing.wrap(rule, place)
        case "dissolve":
            return editing.dissolve(rule, place)
        case "up":
            return editing.up(rule, place)
        case "down":
            return editing.down(rule, place)
        case "into":
            return editing.into(rule, place)
        case "move":
            return editing.move(
                rule, place, drawing.place_of(request.POST.get("rb_to", "")), int(request.POST["rb_index"])
            )
    return _answered(asked, rule, request)


def _answered(asked: Asked, rule: Any, request: HttpRequest) -> Outcome:
    """The rule after a question about one condition was answered."""
    node = editing.at(rule, asked.place)
    if asked.part == TITLE:
        fresh = _fresh(request.POST.get("value", ""), asked.setting)
        return (
            editing.replace(rule, asked.place, fresh)
            if fresh
            else Refusal(asked.place, _("This cannot be asked about here."))
        )
    editor = editor_of(node)
    if editor is None:
        raise LookupError(asked.address)
    if asked.do == "drop":
        return editing.replace(rule, asked.place, editor.changed(node, asked.part, None, asked.setting))
    part = drawing.part_at(node, asked.part, asked.setting)
    if part is None or part.ask is None:
        raise LookupError(asked.part)
    value = _read(part.ask(), request)
    if value is None and asked.part.endswith("[+]"):
        return Edited(rule, asked.place)
    return editing.replace(rule, asked.place, editor.changed(node, asked.part, value, asked.setting))


def _fresh(key: str, setting: Setting) -> Raw | None:
    return next((thing.fresh for thing in things(setting) if thing.key == key), None)


def _read(found: Ask, request: HttpRequest) -> Any:
    """What was answered, as the rule says it."""
    if isinstance(found, Choose):
        values = [value for value in request.POST.getlist("value") if value.strip()]
        return found.read(list(dict.fromkeys(values)))
    way = next((way for way in found.ways if way.key == request.POST.get("way")), found.ways[0])
    given: Mapping[str, str] = {one.name: request.POST.get(f"in-{way.key}-{one.name}", "") for one in way.inputs}
    return way.read(given)


def _kinds(chosen: str) -> Choose:
    choices = [
        Choice("all", _("All"), _("every one of these is true")),
        Choice("any", _("Any"), _("at least one of these is true")),
        Choice("none", _("None"), _("not one of these is true")),
    ]
    return Choose(choices, [one for one in choices if one.value == chosen])


def _suggested(found: Choose, typed: str) -> list[Choice]:
    if found.search is None:
        return [choice for choice in found.choices if typed.casefold() in choice.label.casefold()]
    listed = suggest(found.search.kind, found.search.field, typed, limit=SUGGESTED, of=found.search.of)
    return [Choice(one.value, one.label, one.hint) for one in listed]


def _moves(rule: Any, place: Place) -> list[tuple[str, str, str]]:
    """What can be done with a node as (edit, icon, words)."""
    node = editing.at(rule, place)
    named = [
        ("up", "arrow_upward", _("Move up"), editing.up),
        ("down", "arrow_downward", _("Move down"), editing.down),
        ("into", "subdirectory_arrow_right", _("Move into the group beside it"), editing.into),
        ("duplicate", "content_copy", _("Duplicate"), editing.duplicate),
        ("wrap", "add_box", _("Put into a group"), editing.wrap),
        ("dissolve", "select_all", _("Dissolve the group"), editing.dissolve),
    ]
    found = [(do, icon, words) for do, icon, words, verb in named if isinstance(verb(rule, place), Edited)]
    if not place:
        gone = _("Remove all rules")
    else:
        gone = _("Remove the group") if editing.kind_of(node) else _("Remove the rule")
    return [*found, ("remove", "delete", gone)]


def _figures(twig: Twig, branch: Branch, raw: Any, reach: list[Any]) -> Iterator[tuple[Twig, Branch, str]]:
    """Each node with its figure, and the address of the people behind it; ``reach`` are the rules that hold before it."""
    yield twig, branch, people_url({"v": 1, "all": [*reach, raw]})
    before = list(reach) if twig.kind == "all" else []
    # What stands in for an unfinished condition has children where the condition has none.
    for child, grown, inside in zip(twig.children, branch.children, editing.children_of(raw), strict=False):
        yield from _figures(child, grown, inside, before)
        if twig.kind == "all":
            before.append(inside)
