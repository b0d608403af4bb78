"""Turns a compiled template and plain data into one person's mail, inside a sandbox; knows no Django."""
