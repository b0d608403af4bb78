"""Automations: mails that answer what people do, and dates in their lives."""
