"""Where the days run: the embedded Prefect server with its workers, the deployments on it, and how a run is started and followed."""
