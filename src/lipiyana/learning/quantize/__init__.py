"""INT8 twins of models: made, compared with their float twins on this host, and timed."""
