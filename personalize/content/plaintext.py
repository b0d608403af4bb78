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


def _cart(block: Block, lift: Lift, href: Href) -> str:
    button = f"{lift(block['label']).strip()}: {{{{ (trigger.url or brand.website) | url }}}}\n\n"
    note = _rich(block, "note", lift, href) if block["note"].strip() else ""
    return _subject(block, lift, href, f"{_lines(block, lift)}{button if block['label'].strip() else ''}{note}")


def _order(block: Block, lift: Lift, href: Href) -> str:
    return _subject(block, lift, href, _lines(block, lift))


def _viewed(block: Block, lift: Lift, href: Href) -> str:
    left = _with_number(lift(block["left"]), "item.left")
    return _subject(
        block,
        lift,
        href,
        f'{{% for item in products["{block.id}"] %}}\n'
        "{{ item.title }}{{ item.price | prefixed(', ') }}"
        f"{{% if item.left %}} ({left}){{% endif %}}\n"
        f"{lift(block['label']).strip()}: {{{{ item.href | url }}}}\n\n"
        "{% endfor %}\n",
    )


def _lines(block: Block, lift: Lift) -> str:
    """The lines of a cart or an order, how many more there are, and what they come to."""
    total = f"{lift(block['total']).strip()}: {{{{ trigger.total }}}}\n\n" if block["total"].strip() else "\n"
    return (
        f'{{% for item in products["{block.id}"] %}}\n'
        "{{ item.quantity }} × {{ item.title }}{{ item.amount | prefixed(', ') }}\n"
        "{% if item.href %}\n{{ item.href | url }}\n{% endif %}\n"
        "{% endfor %}\n"
        f"{{% if trigger.count > {block['limit']} %}}\n{_with_number(lift(block['more']), _more(block))}\n{{% endif %}}\n"
        f"{total}"
    )


def _subject(block: Block, lift: Lift, href: Href, body: str) -> str:
    """``body`` under the block's heading where there is something to show, else what stands there instead."""
    head = f"{lift(block['heading']).strip()}\n\n" if block["heading"].strip() else ""
    otherwise = f"{{% else %}}\n{_rich(block, 'empty', lift, href)}" if block["empty"].strip() else ""
    return f'{{% if products["{block.id}"] %}}\n{head}{body}{otherwise}{{% endif %}}\n'


def _more(block: Block) -> str:
    """How many lines the block leaves out, as an expression."""
    return f"trigger.count - {block['limit']}"


def _with_number(words: str, expression: str) -> str:
    return words.strip().replace("{n}", f"{{{{ {expression} }}}}")


def _boxed(block: Block, lift: Lift, href: Href) -> str:
    code = f"{lift(block['code']).strip()}\n\n" if block["code"].strip() else ""
    text = _rich(block, "text", lift, href) if block["text"].strip() else ""
    return f"{lift(block['heading']).strip()}\n\n{text}{code}"


def _facts(block: Block, lift: Lift, href: Href) -> str:
    facts = (f"{lift(block[f'fact{n}']).strip()} {lift(block[f'about{n}']).strip()}" for n in (1, 2, 3))
    return "\n".join([*facts, "\n"])


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
    "cart": _cart,
    "order": _order,
    "viewed": _viewed,
    "boxed": _boxed,
    "facts": _facts,
    "divider": _divider,
    "footer": _footer,
}
