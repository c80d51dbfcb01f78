"""Is there and cannot be imported."""

raise ImportError("broken cannot work here")
