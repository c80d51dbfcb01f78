"""Incidents, rules, routes, silences, dashboards."""
