"""The product's own web process with one more address: a view that parses the body and does nothing with it."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

application = get_wsgi_application()
settings.ROOT_URLCONF = __name__


@csrf_exempt
def parse_only(request: HttpRequest) -> HttpResponse:
    json.loads(request.body)
    return HttpResponse(b'{"outcome": "parsed"}', content_type="application/json")


from personalize.urls import urlpatterns as ours  # noqa: E402  Only once the product is set up.

urlpatterns = [path("parse-only", parse_only), *ours]
