"""The public edge: open, click, unsubscribe and view in browser."""
