"""What a template sees in the place of an empty field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Undefined


class Missing(Undefined):
    """An empty field: false, neither more nor less than anything, printed as its fallback or as nothing.

    It tells ``note`` its path when something was printed in its stead, and raises only when one calculates with it, or
    when it is ``required`` and nothing stands in for it.
    """

    __slots__ = ("note", "path", "required", "words")

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = None,
        name: str | None = None,
        exc: type[Exception] | None = None,
        *,
        words: str = "",
        note: Callable[[str], None] | None = None,
        required: bool = False,
    ) -> None:
        super().__init__(hint=hint or f"{name or 'a field'} is empty", name=name)
        self.path = name or ""
        self.words = words
        self.note = note
        self.required = required

    def stand_in(self) -> None:
        """Remember that something else stood in for this field."""
        if self.note is not None and self.path:
            self.note(self.path)

    def refuse(self) -> None:
        """Raise UndefinedError with the field's name."""
        self._fail_with_undefined_error()

    def __str__(self) -> str:
        if self.required and not self.words:
            self.refuse()
        self.stand_in()
        return self.words

    def __eq__(self, other: object) -> bool:
        return other is None or other == "" or isinstance(other, Undefined)

    def __hash__(self) -> int:
        return hash("")

    def _no(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _no  # type: ignore[assignment]  # The base class raises here.
