"""What an automation would have done: stored events and dates lived through again, by the rules of the real engine."""
