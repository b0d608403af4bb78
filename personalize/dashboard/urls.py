"""Addresses of the frame's own pages."""

from __future__ import annotations

from django.urls import path

from personalize.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("design/", views.design, name="design"),
]
