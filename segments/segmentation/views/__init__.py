"""The pages about segments, and what the rule builder asks the server, wherever it stands."""
