"""What the benchmarks share. Each subject's folder has a link to it, so that scripts find it."""
