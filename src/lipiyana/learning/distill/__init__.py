"""Distils a small text detector from a large one, and prunes readers. Needs the extra `train`."""
