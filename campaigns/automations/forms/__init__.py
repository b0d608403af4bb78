"""What a marketer fills in about an automation: its steps, who comes in and goes out, and a new one."""
