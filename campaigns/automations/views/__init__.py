"""Pages of automations: the list and its recipes, one automation with its editor, and the people in it."""
