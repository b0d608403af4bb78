"""Addresses of the caught mail."""

from __future__ import annotations

from django.urls import path

from personalize.demo import views

app_name = "demo"
urlpatterns = [
    path("caught/", views.caught, name="caught"),
    path("caught/<int:id>/", views.caught, name="mail"),
    path("caught/<int:id>/html", views.mail_html, name="html"),
]
