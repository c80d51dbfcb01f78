"""The story: one file a day, and the one batch loop, the guard and the settling that all of them share."""
