"""Pictures of other libraries as bytes or `RawImage`, results as JSON, and text made safe to show.

In: what a caller has. Out: what the rest of the package takes, and plain dicts and strings. Nothing
heavy is imported: a picture of Pillow or numpy is converted by the library that its caller has
loaded.
"""
