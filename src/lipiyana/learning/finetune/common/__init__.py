"""Shared parts of fine-tuning readers and detectors.

In: a job and a learner. Out: a course that can be resumed, a report, and registered models.
"""
