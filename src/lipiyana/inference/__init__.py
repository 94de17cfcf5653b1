"""Models that run on another server."""
