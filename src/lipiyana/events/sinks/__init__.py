"""Where rows and events go: standard output, files, webhooks, brokers, a spool."""
