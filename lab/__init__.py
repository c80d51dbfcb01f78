"""A real little world to roll out in: two machines on loopback, agents, hubs, exporters, load and faults."""
