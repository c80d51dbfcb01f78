"""Own modules of the corpus."""
