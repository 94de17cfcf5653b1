"""What is watched: files, live streams, and folders that pictures arrive in.

In: names of sources. Out: frames with their times, not yet converted.
"""
