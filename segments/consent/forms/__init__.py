"""What strangers and marketers fill in about topics, sign-up forms and themselves."""
