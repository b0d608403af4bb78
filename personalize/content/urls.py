"""Addresses of templates and their previews."""

from __future__ import annotations

from django.urls import path

from personalize.content import views

app_name = "content"
urlpatterns = [
    path("templates/", views.templates, name="templates"),
    path("templates/<uuid:uuid>/", views.template, name="template"),
    path("templates/<uuid:uuid>/blocks/<str:block>/", views.show_when, name="show_when"),
    path("templates/<uuid:uuid>/preview/<uuid:subscriber>/", views.document, name="preview"),
]
