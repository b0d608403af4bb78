"""What the demo offers on the command line."""
