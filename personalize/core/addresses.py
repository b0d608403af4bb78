"""One spelling for every mail address, and the keyed hash by which an address is known without being kept."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from django.conf import settings
from email_validator import EmailNotValidError, validate_email


class BadAddress(ValueError):
    """The text is not an address we would send to; the message says why, in plain words."""


def normalise(text: str) -> str:
    """The one spelling of an address: IDNA domain, lower case throughout.

    Raises BadAddress. Local parts are folded although RFC 5321 calls them case-sensitive: no provider of note treats them
    so, and two spellings of one mailbox would be mailed twice.
    """
    try:
        parts = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from error
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
    return hmac.new(settings.ADDRESS_KEY.encode(), address.encode(), hashlib.sha256).hexdigest()


def mask(address: str) -> str:
    """An address as a stranger may see it: first letter and domain."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"
