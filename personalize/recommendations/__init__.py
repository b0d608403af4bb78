"""Which products to show a person, and why."""
