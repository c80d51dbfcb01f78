"""How a service is configured and restarted."""
