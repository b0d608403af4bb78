"""Words for what reports show."""

from __future__ import annotations

from django import template

from campaigns.analytics.report import reason_label

register = template.Library()
register.filter("reason_label", reason_label)
