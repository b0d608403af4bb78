"""Where people say what they want to get: preferences, confirmation, sign-up forms, and a way to their own link."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from personalize.core.public import public


@public("GET", "HEAD", "POST")
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    return _nowhere()


@public("GET", "HEAD", "POST")
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    return _nowhere()


@public("GET", "HEAD", "POST")
def undo(request: HttpRequest, token: str) -> HttpResponse:
    return _nowhere()


@public("GET", "HEAD", "POST")
def form(request: HttpRequest, key: str) -> HttpResponse:
    return _nowhere()


@public("GET", "HEAD", "POST")
def link(request: HttpRequest) -> HttpResponse:
    return _nowhere()


def _nowhere() -> HttpResponse:
    return HttpResponse(render_to_string("public/nowhere.html"), status=404)
