"""The form behind the administration's page of a segment: a rule is only saved when it can be used."""

from __future__ import annotations

from typing import Any

from django import forms

from segments.segmentation import services
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]  # Django brings no types at run time.
    class Meta:
        model = Segment
        fields = ("name", "description", "rule", "mode")

    def clean_rule(self) -> Any:
        rule = self.cleaned_data["rule"]
        try:
            services.check_rule(rule, of=self.instance.uuid)
        except RuleError as error:
            raise forms.ValidationError(str(error)) from error
        return rule
