"""Watches cameras and videos.

In: files, folders, addresses and camera numbers. Out: one row a vehicle that has passed.
"""
