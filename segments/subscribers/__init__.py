"""People: identity, typed attributes, language, place and time zone."""
