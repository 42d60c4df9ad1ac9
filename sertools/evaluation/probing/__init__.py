"""What a space of features knows."""
