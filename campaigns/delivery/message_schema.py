"""The schema of rules about the mails a person got, as part of the schema of all rules."""

from __future__ import annotations

from segments.segmentation.rules import figures, schema
from segments.segmentation.rules.schema import Schema

KEY = "messages"
WHAT = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")


def json_schema() -> Schema:
    """``{"messages": {"what": "clicked", "op": "=", "value": 0, "where": […], "window": {…}}}``."""
    fields = schema.choice(["topic", "campaign", "automation"])
    one = schema.table({"field": fields, "op": {"const": "is"}, "value": schema.text()})
    body = schema.table(
        {"what": schema.choice(WHAT), "op": schema.choice(figures.COMPARISONS), "value": {}},
        {"where": schema.array(one, 0), "window": schema.ref("window")},
        **schema.compared(schema.whole(0)),
    )
    return schema.leaf({KEY: body}, description="Compares how many mails that happened to.")
