"""Which addresses we take, and in which spelling: the policy as a table."""

from __future__ import annotations

import pytest

from personalize.core.addresses import BadAddress, normalise


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ann.Whitaker@Post.Example ", "ann.whitaker@post.example"),
        ("ann+shop@post.example", "ann+shop@post.example"),
        ("=cmd|calc@post.example", "=cmd|calc@post.example"),
        ("x" * 64 + "@post.example", "x" * 64 + "@post.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_one_spelling_is_kept(given, kept):
    assert normalise(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ann",
        "ann@",
        "@post.example",
        "x" * 65 + "@post.example",
        "a@localhost",
        "a@shop",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@server.local",
        "a@shop.onion",
        '"ann whitaker"@post.example',
        "ann@post.example.",
        "ann..w@post.example",
        ".ann@post.example",
        "ann@-post.example",
        "ann@po_st.example",
        "ann\u200b@post.example",
        "ann\n@post.example",
        "ann@post.example\nbcc: eve@evil.example",
        "ann@post.example, eve@evil.example",
        "Ann <ann@post.example>",
        "ann@" + "a" * 64 + ".example",
        "änne@post.example",
    ],
)
def test_what_is_no_public_mailbox_is_refused(given):
    with pytest.raises(BadAddress):
        normalise(given)
