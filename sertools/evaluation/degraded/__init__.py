"""How far a score falls as recordings get worse."""
