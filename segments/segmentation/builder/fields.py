"""The rule builder as a field of a form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _

from segments.segmentation.builder import drawing, editing
from segments.segmentation.builder.parts import Setting
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import Vocabulary


class RuleWidget(forms.Widget):
    """Draws the rule in the field. Pages that show it load ``segmentation/builder.js``."""

    template_name = "segmentation/builder/widget.html"
    use_fieldset = True

    def __init__(self, *, small: bool = True, trigger: bool = False, segment: UUID | None = None) -> None:
        super().__init__()
        self.small, self.trigger, self.segment = small, trigger, segment

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        id = (attrs or {}).get("id") or f"id_{name}"
        setting = Setting.of(segment=self.segment, field=name, id=f"{id}-rules", small=self.small, trigger=self.trigger)
        return {"drawing": drawing.draw(value or "", setting)}


class RuleField(forms.CharField):
    """A rule as JSON, read and found to make sense; None where nothing is asked.

    ``allow_trigger`` lets it ask what brought somebody in. With ``everybody`` a rule without conditions is one, else it is
    no answer. ``segment`` is whose own rule it is.
    """

    def __init__(
        self,
        *,
        allow_trigger: bool = False,
        everybody: bool = False,
        small: bool = True,
        segment: UUID | None = None,
        **options: Any,
    ) -> None:
        self.everybody, self.segment = everybody, segment
        options.setdefault("widget", RuleWidget(small=small, trigger=allow_trigger, segment=segment))
        super().__init__(strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else drawing.encode(value)

    def clean(self, value: Any) -> Any:
        try:
            rule = self._said(value)
            if rule is not None:
                parse(rule, vocabulary=Vocabulary.of(inside=(self.segment,) if self.segment else ()))
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(str(error)) from error
        if rule is None and self.required:
            raise forms.ValidationError(_("Ask something."))
        return rule

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self._said(initial) != self._said(data))
        except ValueError:
            return True

    def _said(self, value: Any) -> Any:
        """The rule, with a group at its top; None where it says nothing. Raises ValueError for what is no JSON."""
        raw = drawing.decode(value) if isinstance(value, str) else value
        if raw is None:
            return {"v": 1, "all": []} if self.everybody else None
        rule = editing.grouped(raw)
        empty = editing.kind_of(rule) == "all" and not editing.children_of(rule)
        return None if empty and not self.everybody else rule
