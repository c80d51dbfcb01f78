"""The end-to-end ring: the commands that a user has, on real processes; only what can be seen from outside is believed."""
