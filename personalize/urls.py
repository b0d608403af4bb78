"""All addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []

admin.site.site_header = "Personalize"
