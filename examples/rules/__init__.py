"""Turns what Lipiyana reads into events, by rules in a YAML file."""
