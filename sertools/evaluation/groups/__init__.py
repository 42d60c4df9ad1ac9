"""For whom, and for what, a model fails."""
