"""Train on some corpora, test on others."""
