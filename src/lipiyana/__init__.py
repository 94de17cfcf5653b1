"""Reads Indian roads: vehicles, registrations and signs in the scripts of India."""
