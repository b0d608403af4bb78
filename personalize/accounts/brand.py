"""What other apps ask about the brand."""

from __future__ import annotations

from personalize.accounts.models import Brand


def shop_currency() -> str:
    """The shop's one currency, ISO 4217; that of the form's default before the brand is set up."""
    stored = Brand.objects.values_list("currency", flat=True).first()
    return stored or str(Brand._meta.get_field("currency").default)


def says_who_it_is() -> bool:
    """Whether the brand has the postal address that every marketing mail needs."""
    return Brand.objects.exclude(postal_address="").exists()
