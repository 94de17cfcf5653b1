"""Models on disk and in memory: manifest, files, ONNX Runtime sessions, timings.

In: a folder with `manifest.toml`. Out: checked, shared sessions.
"""
