"""The events in words: what they are called, and how one says that somebody did them or did not."""

from __future__ import annotations

from django.utils.translation import gettext as _


def noun(name: str) -> str:
    """An event as a marketer calls it; the shop's own by its name, with spaces."""
    known = {
        "product_viewed": _("Looked at a product"),
        "cart_updated": _("Changed a cart"),
        "cart_emptied": _("Emptied a cart"),
        "checkout_started": _("Began a checkout"),
        "order_placed": _("Placed an order"),
        "order_paid": _("Paid an order"),
        "order_fulfilled": _("Order was sent out"),
        "order_delivered": _("Order was delivered"),
        "order_cancelled": _("Cancelled an order"),
        "order_refunded": _("Got money back"),
        "subscription_confirmed": _("Confirmed a subscription"),
        "segment_joined": _("Joined a segment"),
        "segment_left": _("Left a segment"),
        "price_dropped": _("A price dropped"),
        "back_in_stock": _("A product came back"),
        "email_sent": _("Was sent a mail"),
        "email_delivered": _("A mail arrived"),
        "email_opened": _("Opened a mail"),
        "email_clicked": _("Clicked in a mail"),
        "email_bounced": _("A mail bounced"),
        "email_complained": _("Marked a mail as spam"),
        "email_unsubscribed": _("Unsubscribed"),
    }
    return known.get(name) or name.replace("_", " ").capitalize()


def clause_words(name: str, *, did: bool) -> str:
    """That somebody did it, or did not, to follow "People"."""
    known = {
        "product_viewed": (_("who looked at a product"), _("who looked at no product")),
        "cart_updated": (_("who changed a cart"), _("who changed no cart")),
        "cart_emptied": (_("who emptied a cart"), _("who emptied no cart")),
        "checkout_started": (_("who began a checkout"), _("who began no checkout")),
        "order_placed": (_("who placed an order in the shop"), _("who placed no order in the shop")),
        "order_paid": (_("who paid an order"), _("who paid no order")),
        "order_fulfilled": (_("who were sent an order"), _("who were sent no order")),
        "order_delivered": (_("who received an order"), _("who received no order")),
        "order_cancelled": (_("who cancelled an order"), _("who cancelled no order")),
        "order_refunded": (_("who got money back"), _("who got no money back")),
        "subscription_confirmed": (_("who confirmed a subscription"), _("who confirmed no subscription")),
        "segment_joined": (_("who joined a segment"), _("who joined no segment")),
        "segment_left": (_("who left a segment"), _("who left no segment")),
        "price_dropped": (_("for whom a price dropped"), _("for whom no price dropped")),
        "back_in_stock": (_("for whom a product came back"), _("for whom no product came back")),
        "email_sent": (_("who were sent a mail"), _("who were sent no mail")),
        "email_delivered": (_("who received a mail"), _("who received no mail")),
        "email_opened": (_("who opened a mail"), _("who opened no mail")),
        "email_clicked": (_("who clicked in a mail"), _("who clicked in no mail")),
        "email_bounced": (_("who had a mail bounce"), _("who had no mail bounce")),
        "email_complained": (_("who marked a mail as spam"), _("who marked no mail as spam")),
        "email_unsubscribed": (_("who unsubscribed"), _("who did not unsubscribe")),
    }
    if name in known:
        return known[name][0 if did else 1]
    words = _("who did ‘%(event)s’") if did else _("who did not do ‘%(event)s’")
    return words % {"event": noun(name)}
