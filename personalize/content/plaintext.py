"""The plain part of a mail, made from the blocks themselves and not from their HTML."""

from __future__ import annotations

from collections.abc import Callable

from personalize.content import markup
from personalize.content.blocks import Block

Href = Callable[[Block, str, str, str], str]
Lift = Callable[[str], str]


def source(blocks: list[Block], *, lift: Lift, href: Href) -> str:
    """The Jinja2 source of the plain part, still with holes. ``href(block, field, url, label)`` gives a link's address."""
    parts: list[str] = []
    for block in blocks:
        body = _WRITERS[block.type.key](block, lift, href)
        if block.show_when:
            body = f'{{% if show["{block.id}"] %}}\n{body}{{% endif %}}\n'
        parts.append(body)
    return "".join(parts)


def _heading(block: Block, lift: Lift, href: Href) -> str:
    return f"{lift(block['text']).strip()}\n\n"


def _text(block: Block, lift: Lift, href: Href) -> str:
    return _rich(block, "text", lift, href)


def _button(block: Block, lift: Lift, href: Href) -> str:
    label = lift(block["label"]).strip()
    return f"{label}: {href(block, 'url', lift(block['url']), label)}\n\n"


def _image(block: Block, lift: Lift, href: Href) -> str:
    alt = lift(block["alt"]).strip()
    return f"{alt}: {href(block, 'url', lift(block['url']), alt)}\n\n" if block["url"] else f"{alt}\n\n"


def _products(block: Block, lift: Lift, href: Href) -> str:
    head = "".join(f"{lift(block[key]).strip()}\n" for key in ("heading", "note") if block[key].strip())
    otherwise = f"{{% else %}}\n{_rich(block, 'fallback_text', lift, href)}" if block["fallback_text"].strip() else ""
    return (
        f'{{% if products["{block.id}"] %}}\n'
        f"{head}\n"
        f'{{% for item in products["{block.id}"] %}}\n'
        "{{ item.title }}{{ item.price | prefixed(', ') }}{{ item.reason | prefixed(' – ') }}\n"
        "{{ item.href | url }}\n\n"
        "{% endfor %}\n"
        f"{otherwise}"
        "{% endif %}\n"
    )


def _divider(block: Block, lift: Lift, href: Href) -> str:
    return "----\n\n"


def _footer(block: Block, lift: Lift, href: Href) -> str:
    lines = ["--", lift(block["reason"]).strip()]
    lines += [f"{lift(block[key])}: {{{{ links.{key} }}}}" for key in ("view", "preferences", "unsubscribe")]
    return "\n".join([*lines, "{{ brand.postal_address }}", ""])


def _rich(block: Block, key: str, lift: Lift, href: Href) -> str:
    text = markup.to_text(lift(block[key]), lambda url, label: href(block, key, url, label))
    return f"{text}\n\n"


_WRITERS: dict[str, Callable[[Block, Lift, Href], str]] = {
    "heading": _heading,
    "text": _text,
    "button": _button,
    "image": _image,
    "products": _products,
    "divider": _divider,
    "footer": _footer,
}
