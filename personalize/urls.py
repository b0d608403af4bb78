"""All addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from personalize.accounts.views import admin_door
from personalize.api import api
from personalize.core.problems import nothing_here

admin.site.site_header = "Personalize"
# One door in: the dashboard's log-in, with its back-off, also guards the administration.
admin.site.login = admin_door  # type: ignore[method-assign,assignment]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("personalize.dashboard.urls")),
    path("", include("personalize.accounts.urls")),
    path("", include("segments.subscribers.urls")),
    path("", include("segments.consent.urls")),
    path("", include("segments.consent.suppression_urls")),
    path("", include("segments.commerce.urls")),
    path("", include("segments.segmentation.urls")),
    path("", include("segments.transfer.urls")),
    path("", include("personalize.content.urls")),
    path("", include("campaigns.delivery.urls")),
    path("", include("campaigns.scheduled.urls")),
    path("", include("campaigns.automations.urls")),
    path("", include("campaigns.tracking.urls")),
    path("", include("campaigns.analytics.urls")),
    path("", include("personalize.demo.urls")),
    path("api/v1/", api.urls),
    re_path(r"^api/", nothing_here, name="api-nothing"),
    path("admin/", admin.site.urls),
]
