"""Store and forward: rows go into a bounded spool, and on when the network is there."""
