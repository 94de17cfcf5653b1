"""Reading on a cluster of Ray: `lipiyana read --engine ray` (extra `ray`).

In: paths and addresses of pictures. Out: Parquet files of rows in a folder, each row once.

`run` sends batches of paths to workers. A worker reads a batch and stages a file of its rows; only
the run itself, of which there is one for a folder, moves staged files to their places. So a worker
that dies, at any moment, leaves nothing that counts.
"""
