"""What is behind the systems: files read safely, networks built, calls packed."""
