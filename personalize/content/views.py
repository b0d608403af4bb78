"""The list of templates, one template as a chosen person gets it, and the mail itself in its own sandbox."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from personalize.accounts.models import Brand
from personalize.content import services
from personalize.content.blocks import TYPES
from personalize.content.forms import ShowWhenForm
from personalize.content.models import Template, TemplateVersion
from personalize.content.preview import Preview, preview
from personalize.core.permissions import allowed, require
from segments.subscribers.models import Subscriber

PAGE = 25
CHOICES = 8
SHAPES = {"desktop": gettext_lazy("Desktop"), "phone": gettext_lazy("Phone"), "text": gettext_lazy("Plain text")}


@require("content.edit")
def templates(request: HttpRequest) -> HttpResponse:
    """All templates, the last changed first."""
    rows = Template.objects.annotate(count=Count("versions"), last=Max("versions__number")).order_by(
        "-updated_at", "pk"
    )
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(name__icontains=words)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "content/templates.html", {"page": page, "words": words})


@require("content.edit")
def template(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One template: what it is built from, its versions, and the mail as one person gets it."""
    one = get_object_or_404(Template, uuid=uuid)
    return _page(request, one, block=request.GET.get("block", ""))


@require_POST
@require("content.edit")
def show_when(request: HttpRequest, uuid: UUID, block: str) -> HttpResponseBase:
    """Let a block be seen only by whom its form says, and save that as a new version."""
    one = get_object_or_404(Template, uuid=uuid)
    if _block(one, block) is None:
        raise Http404
    form = ShowWhenForm(request.POST)
    if not form.is_valid():
        return _page(request, one, block=block, form=form, status=422)
    said = form.cleaned_data
    found = services.show_block_when(
        template=one, lock_version=said["lock_version"], block=block, rule=said["rule"], actor=request.user
    )
    if found is None:
        form.add_error(None, _("Somebody else changed the template in the meantime, so nothing was saved."))
        return _page(request, one, block=block, form=form, status=409)
    if isinstance(found, list):
        for problem in found:
            form.add_error(None, f"{problem.block}: {problem.message}" if problem.block else problem.message)
        return _page(request, one, block=block, form=form, status=422)
    messages.success(request, _("Saved as version %(n)s.") % {"n": found.number})
    return redirect(f"{reverse('content:template', args=[one.uuid])}?block={block}")


def _page(
    request: HttpRequest, one: Template, *, block: str = "", form: ShowWhenForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of a template; what was typed stays in the form given."""
    chosen = _block(one, block)
    if chosen and form is None:
        form = ShowWhenForm(initial={"rule": chosen.get("show_when"), "lock_version": one.lock_version})
    context: dict[str, Any] = {
        "template": one,
        "chosen": chosen,
        "form": form,
        "blocks": [_described(block) for block in one.blocks if isinstance(block, dict)],
        "versions": one.versions.select_related("created_by")[:20],
        "shapes": SHAPES,
        "shape": request.GET.get("as") if request.GET.get("as") in SHAPES else "desktop",
    }
    if allowed(request.user, "people.view"):
        context |= _seen_by(request, one)
    return render(request, "content/template.html", context, status=status)


def _block(one: Template, id: str) -> dict[str, Any] | None:
    """The block of this id; None where there is none."""
    return next((block for block in one.blocks if id and isinstance(block, dict) and block.get("id") == id), None)


@require("people.view")
@never_cache
@csp(  # type: ignore[arg-type]  # django-csp's types know only views without arguments.
    {
        "sandbox": True,
        "default-src": [NONE],
        "img-src": ["https:", "data:", SELF],
        "style-src": [UNSAFE_INLINE],
        "frame-ancestors": [SELF],
    }
)
def document(request: HttpRequest, uuid: UUID, subscriber: UUID) -> HttpResponse:
    """The mail alone, as its own page with a policy that lets nothing run in it."""
    if not allowed(request.user, "content.edit"):
        raise PermissionDenied("content.edit")
    one = get_object_or_404(Template, uuid=uuid)
    person = get_object_or_404(Subscriber.objects.present(), uuid=subscriber)
    shown = preview(content=_content(request, one), subscriber=person, brand=Brand.objects.get())
    if shown.problems:
        return render(request, "content/preview_problems.html", {"problems": shown.problems}, status=422)
    return HttpResponse(shown.html)


def _seen_by(request: HttpRequest, one: Template) -> dict[str, Any]:
    """Whom the page shows the mail to, whom else it could, and the mail's lines for that person."""
    words = request.GET.get("q", "").strip()
    people = Subscriber.objects.matching(words) if words else Subscriber.objects.present()
    choices = list(people.order_by("pk")[:CHOICES])
    person = _chosen(request) or next(iter(choices), None)
    if person is None:
        return {"words": words, "choices": choices}
    version = request.GET.get("version", "")
    document = reverse("content:preview", args=[one.uuid, person.uuid])
    shown: Preview = preview(content=_content(request, one), subscriber=person, brand=Brand.objects.get())
    return {
        "words": words,
        "choices": choices,
        "person": person,
        "preview": shown,
        "document": f"{document}?version={version}" if version else document,
        "version": version,
    }


def _chosen(request: HttpRequest) -> Subscriber | None:
    try:
        return Subscriber.objects.present().filter(uuid=UUID(request.GET["person"])).first()
    except (KeyError, ValueError):
        return None


def _content(request: HttpRequest, one: Template) -> Template | TemplateVersion:
    """The template as it stands, or the saved version whose number the address names."""
    number = request.GET.get("version", "")
    if not number:
        return one
    if not number.isdecimal():
        raise BadRequest("version")
    return get_object_or_404(TemplateVersion, template=one, number=int(number))


def _described(block: dict[str, Any]) -> dict[str, Any]:
    """A block for the list: its kind, its words, and whether it is for everybody."""
    kind = TYPES.get(str(block.get("type")))
    words = next((str(block[key]) for key in ("text", "heading", "label", "alt", "reason") if block.get(key)), "")
    return {
        "id": block.get("id", ""),
        "label": kind.label if kind else block.get("type", ""),
        "icon": kind.icon if kind else "help",
        "words": words,
        "conditional": bool(block.get("show_when")),
    }
