"""What people did, stored once each in the order it happened."""
