"""A person's mail once more, for the browser: made anew from its frozen version, without tracking.

Dated facts are read as they were for the mail; attributes and stock are as of now, so it may differ from what was sent.
"""

from __future__ import annotations

from campaigns.delivery.links import resolver
from campaigns.delivery.models import Message
from personalize.accounts.models import Brand
from personalize.content.contexts import prepare
from personalize.content.renderers import borrowed_renderer
from personalize.core import clock
from personalize.rendering import links
from personalize.rendering.types import Failure, Job


def render(message: Message) -> str | None:
    """The mail as HTML; None when the person was erased, or when it can no longer be rendered."""
    brand = Brand.objects.first()
    if brand is None or message.subscriber.erased_at:
        return None
    version = message.mailing.version
    context = prepare(
        version=version,
        people=Message.objects.filter(pk=message.pk),
        person="subscriber",
        as_of=message.run.as_of if message.run else message.created_at,
        brand=brand,
    )[message.pk]
    with borrowed_renderer() as renderer:
        job = Job(str(message.pk), ("html_untracked",), context.data)
        (done,) = renderer.render(version.content_hash, version.compiled, [job])
    if isinstance(done, Failure):
        return None
    return links.replace(done.parts["html_untracked"], resolver(message.uuid, message.subscriber.uuid, clock.now()))
