"""How much work it is to ask one person a rule: what costs little is asked first, and tells who is left for the rest.

Other apps register the effort of their rules; of a rule nobody registered it is taken to be as much as of any.
"""

from __future__ import annotations

from enum import IntEnum
from functools import singledispatch

from segments.segmentation.rules.nodes import (
    AttributeRule,
    BucketRule,
    Group,
    ListRule,
    NearRule,
    Node,
    SegmentRule,
    TopicRule,
)


class Effort(IntEnum):
    """From the least to the most."""

    COLUMN = 0
    """A value of the person's row is compared."""

    COMPUTED = 1
    """Something is computed of the person's row."""

    LOOKUP = 2
    """One row of another table is looked up."""

    FACTS = 3
    """Any number of rows of another table are gathered."""


@singledispatch
def effort(node: Node) -> Effort:
    """The effort of a rule; of a group, that of its hardest."""
    return Effort.FACTS


@effort.register
def _(node: Group) -> Effort:
    return max(map(effort, node.children), default=Effort.COLUMN)


@effort.register
def _(node: SegmentRule) -> Effort:
    return effort(node.tree)


@effort.register
def _(node: AttributeRule) -> Effort:
    return Effort.COLUMN if node.field.column and node.field.type != "age" else Effort.COMPUTED


@effort.register(BucketRule)
@effort.register(NearRule)
def _(node: Node) -> Effort:
    return Effort.COMPUTED


@effort.register(TopicRule)
@effort.register(ListRule)
def _(node: Node) -> Effort:
    return Effort.LOOKUP
