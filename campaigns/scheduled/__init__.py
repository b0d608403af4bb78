"""Campaigns: one content for one audience at one time."""
