"""Addresses of imports and exports."""

from __future__ import annotations

from django.urls import path

from segments.transfer import downloads, views

app_name = "transfer"
urlpatterns = [
    path("imports/", views.index, name="list"),
    path("imports/new/", views.new, name="new"),
    path("imports/<uuid:uuid>/", views.detail, name="detail"),
    path("imports/<uuid:uuid>/columns/", views.columns, name="columns"),
    path("imports/<uuid:uuid>/progress/", views.progress, name="progress"),
    path("imports/<uuid:uuid>/rejected.csv", downloads.rejected, name="rejected"),
    path("imports/<uuid:uuid>/do/<slug:verb>/", views.act, name="act"),
    path("exports/subscribers/", downloads.export_list, name="export"),
    path("exports/selected/", downloads.export_selected, name="export_selected"),
    path("exports/segments/<uuid:uuid>/", downloads.export_segment, name="export_segment"),
    path("exports/lists/<uuid:uuid>/", downloads.export_static_list, name="export_static_list"),
]
