"""The domain of a progressive, metrics-gated rollout; it knows neither Prefect nor Great Expectations."""
