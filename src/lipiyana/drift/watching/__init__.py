"""Watches what a process reads: by camera and hour, kept on disk, against what is expected."""
