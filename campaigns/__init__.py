"""WHEN IT GOES OUT, WHAT CAME BACK: sending, tracking and reports."""
