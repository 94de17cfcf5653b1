"""Logs, Prometheus metrics and OpenTelemetry traces.

In: events of calls. Out: log records, metrics, spans. None of them contains text of a picture.
"""
