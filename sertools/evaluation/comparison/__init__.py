"""Which model is better, and what others published."""
