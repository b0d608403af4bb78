"""What the shop sells and sold: products, orders, refunds and their lines."""
