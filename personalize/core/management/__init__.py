"""Commands of the shared kernel."""
