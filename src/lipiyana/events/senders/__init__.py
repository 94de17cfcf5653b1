"""Sends messages over networks that fail: batches of rows go in, acknowledged or an error."""
