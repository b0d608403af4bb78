"""Automations ready to be used: one module for each recipe, all of them in ``catalogue``."""
