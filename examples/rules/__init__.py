"""Turns results of Lipiyana into events, by rules in a YAML file."""
