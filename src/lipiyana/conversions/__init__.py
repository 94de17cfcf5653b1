"""Pictures of other libraries as bytes or `RawImage`, and results as JSON.

In: what a caller has. Out: what the rest of the package takes, and plain dicts. Nothing heavy is
imported: a picture of Pillow or numpy is converted by the library that its caller has loaded.
"""
