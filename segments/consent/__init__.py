"""What a person allowed: topics, subscriptions, proof of consent and suppression."""
