"""What ./demo, ./test and environment.sh promise."""
