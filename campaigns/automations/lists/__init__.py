"""Automations and the people in them as lists: ``rows`` are whom a list is of, ``kind_for`` how a reader sees them."""
