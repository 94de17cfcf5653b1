"""What fine-tuning of readers and detectors has in common.

In: a job and a learner. Out: the course of its training, and the files that it leaves.
"""
