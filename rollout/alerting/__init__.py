"""What is told to whom, and when: rules for Prometheus, routes for Alertmanager, both rendered from the plan and the site's contacts."""
