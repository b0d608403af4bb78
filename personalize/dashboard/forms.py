"""How forms look: one field template for the whole dashboard."""

from __future__ import annotations

from django.forms.renderers import TemplatesSetting


class DashboardRenderer(TemplatesSetting):
    """Renders every form field through templates/components/field.html."""

    field_template_name = "components/field.html"
