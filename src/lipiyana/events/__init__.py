"""Rules over rows, where events go, and the spool that survives bad networks."""
