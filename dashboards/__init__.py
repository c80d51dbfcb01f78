"""The dashboards as code; `python -m dashboards` writes dashboards/json, and a test compares. The only code that imports the Grafana SDK."""
