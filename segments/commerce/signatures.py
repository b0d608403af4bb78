"""Whether a delivery was signed with the secret of its connection, in the way each kind of shop does it.

Comparison takes the same time whatever is wrong, and the answer never says what would have been right.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from segments.commerce.models import Connection, ConnectionKind

# Standard Webhooks sign the time, so that a delivery somebody recorded cannot be played again for ever.
TOLERANCE = dt.timedelta(minutes=5)

# Where each shop puts the signature, the topic, and its id of the delivery.
_HEADERS = {
    ConnectionKind.SHOPIFY: ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id"),
    ConnectionKind.WOOCOMMERCE: ("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID"),
}


@dataclass(frozen=True)
class Delivery:
    """A signed body with the shop's id of this delivery, and its topic where the headers name one."""

    id: str
    topic: str
    raw: bytes


def verified(connection: Connection, headers: Mapping[str, str], raw: bytes, now: dt.datetime) -> Delivery | None:
    """The delivery, or None when it was not signed with the connection's secret."""
    if not connection.secret:
        return None
    if connection.kind == ConnectionKind.CUSTOM:
        return _standard(connection, headers, raw, now)
    signature, topic_name, id_name = _HEADERS[ConnectionKind(connection.kind)]
    if not _same(headers.get(signature, ""), _sign(connection.secret.encode(), raw)):
        return None
    topic = headers.get(topic_name, "")
    return Delivery(_id(headers.get(id_name, ""), topic.encode() + raw), topic[:80], raw)


def _standard(connection: Connection, headers: Mapping[str, str], raw: bytes, now: dt.datetime) -> Delivery | None:
    """standardwebhooks.com: ``v1,`` and base64 of HMAC-SHA-256 over id, time and body; several may be given."""
    id, stamp = headers.get("Webhook-Id", ""), headers.get("Webhook-Timestamp", "")
    if not (id and stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return None
    right = standard_signature(connection.secret, id, int(stamp), raw)
    given = headers.get("Webhook-Signature", "").split()[:10]
    # All of them are compared, so that the time taken does not tell which one was nearly right.
    matches = [_same(one, right) for one in given]
    fresh = abs(now.timestamp() - int(stamp)) <= TOLERANCE.total_seconds()
    return Delivery(_id(id, raw), "", raw) if any(matches) and fresh else None


def standard_signature(secret: str, id: str, stamp: int, raw: bytes) -> str:
    """The signature of a body as Standard Webhooks write it; ``stamp`` is Unix time in seconds."""
    return "v1," + _sign(signing_key(secret), f"{id}.{stamp}.".encode() + raw)


def signing_key(secret: str) -> bytes:
    """The bytes a secret stands for: base64 after ``whsec_``, as the standard writes it, else the text itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _sign(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _id(given: str, signed: bytes) -> str:
    """The shop's own id of the delivery, or, where it has none or a monstrous one, the hash of what was signed."""
    return given if 0 < len(given) <= 120 and given.isprintable() else hashlib.sha256(signed).hexdigest()
