"""One file per verb; each task is a decorator and one call into the library."""
