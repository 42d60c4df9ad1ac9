"""What a split lets through: speakers, texts, copies, and what a model had heard."""
