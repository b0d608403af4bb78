"""Templates, their immutable versions, and the data a version needs for a batch of people."""
