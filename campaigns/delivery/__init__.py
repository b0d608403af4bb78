"""Sending, whoever asked: mailings, runs, messages, the engine and what became of each message."""
