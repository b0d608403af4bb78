"""WHO: the people, what they allowed, what they did, and which of them are meant."""
