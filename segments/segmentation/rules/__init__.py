"""The rule tree in its three forms: JSON, sentence and SQL."""
