"""What benchmarks/faults.py tries, a file a group."""
