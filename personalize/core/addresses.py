"""One spelling for every mail address, and the keyed hash by which an address is known without being kept."""

from __future__ import annotations

import hmac
import ipaddress
import re
from functools import lru_cache

from django.conf import settings
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

# Addresses that need no second look: plain letters and digits, a public domain of plain labels. Whatever does not fit,
# such as an international domain, takes the long way.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@.{1,189}\Z)"
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9]|-(?![-.])){0,62}\.)+(?P<end>[a-z]{2,63})"
)
_SPECIAL_ENDS = {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES} | {"test"}


class BadAddress(ValueError):
    """The text is not an address we would send to; the message says why, in plain words."""


def normalise(text: str) -> str:
    """The one spelling of an address: IDNA domain, lower case throughout.

    Raises BadAddress. Local parts are folded although RFC 5321 calls them case-sensitive: no provider of note treats them
    so, and two spellings of one mailbox would be mailed twice.
    """
    plain = text.strip().lower()
    found = _PLAIN.fullmatch(plain)
    if found and text.isascii() and found["end"] not in _SPECIAL_ENDS:
        return plain
    try:
        parts = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from error
    if len(parts.local_part) > 64:
        raise BadAddress("The part before the @ is longer than 64 characters.")
    domain = parts.ascii_domain or ""
    if "." not in domain or domain.startswith("["):
        raise BadAddress("The part after the @ is not a public domain name.")
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return f"{parts.local_part}@{domain}".casefold()
    raise BadAddress("The part after the @ is a number, not a domain name.")


def address_key(address: str) -> str:
    """The keyed hash (HMAC-SHA-256, hex, 64 characters) of a normalised address."""
    hashed = _keyed(settings.ADDRESS_KEY).copy()
    hashed.update(address.encode())
    return hashed.hexdigest()


@lru_cache(maxsize=4)
def _keyed(key: str) -> hmac.HMAC:
    """The hash with the key in it and no address yet, to be copied: the key is then read once."""
    return hmac.new(key.encode(), digestmod="sha256")


def mask(address: str) -> str:
    """An address as a stranger may see it: first letter and domain."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"
