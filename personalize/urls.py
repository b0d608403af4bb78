"""All addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from personalize.accounts.views import admin_door

admin.site.site_header = "Personalize"
# One door in: the dashboard's log-in, with its back-off, also guards the administration.
admin.site.login = admin_door  # type: ignore[method-assign,assignment]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("personalize.dashboard.urls")),
    path("", include("personalize.accounts.urls")),
    path("", include("segments.subscribers.urls")),
    path("", include("segments.commerce.urls")),
    path("", include("segments.segmentation.urls")),
    path("", include("personalize.content.urls")),
    path("", include("campaigns.scheduled.urls")),
    path("", include("campaigns.tracking.urls")),
    path("", include("campaigns.analytics.urls")),
    path("", include("personalize.demo.urls")),
    path("admin/", admin.site.urls),
]
