"""Turns Lipiyana's results into events, by rules in a YAML file."""
