"""How much must be known of a speaker before standardising by speaker pays."""
