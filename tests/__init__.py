"""What the project promises, by part; the rings of ./test are markers."""
