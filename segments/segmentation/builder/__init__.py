"""The rule builder: one widget in which rules are put together, wherever a rule is asked for."""
