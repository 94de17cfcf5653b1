"""A small text detector that learned from a large one; it trains, so it needs the extra `train`."""
