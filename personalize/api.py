"""The API's parts put together under one version, with its description and the page that shows it."""

from __future__ import annotations

from ninja import NinjaAPI

api = NinjaAPI(title="Personalize", version="1")
