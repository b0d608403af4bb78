"""Files in: imports of subscribers, products and orders."""
