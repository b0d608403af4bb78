"""Addresses of imports and exports."""

from __future__ import annotations

from django.urls import path

from segments.transfer import downloads

app_name = "transfer"
urlpatterns = [
    path("exports/subscribers/", downloads.export_list, name="export"),
    path("exports/segments/<uuid:uuid>/", downloads.export_segment, name="export_segment"),
    path("exports/lists/<uuid:uuid>/", downloads.export_static_list, name="export_static_list"),
]
