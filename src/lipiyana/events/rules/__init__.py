"""Rules over rows: rows of `lipiyana read` or `lipiyana watch` go in, events come out."""
