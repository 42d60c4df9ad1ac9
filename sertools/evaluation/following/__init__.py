"""Recordings followed moment by moment, beside what is known of them."""
