"""What can be seen of a fleet: probes, expositions, time series and the frames made of them."""
