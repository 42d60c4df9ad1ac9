"""What a model relies on, and what it listens to."""
