"""Who works here: users, the role table, the audit trail and the brand they speak for."""
