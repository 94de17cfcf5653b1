"""A store of S3 on this machine and a Ray of two workers, once for all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from s3_store import Store, need_cluster


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Store]:
    """A server, and the variables by which s3fs finds it, here and in the workers of Ray."""
    need_cluster()
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield Store(endpoint, boto3.client("s3", endpoint_url=endpoint))
    server.stop()


@pytest.fixture
def store(s3_server: Store) -> Iterator[Store]:
    """The server with one bucket, `pictures`, which is empty."""
    import boto3

    from lipiyana.cluster import addresses

    addresses._store.cache_clear()
    s3_server.client.create_bucket(Bucket="pictures")
    yield s3_server
    bucket = boto3.resource("s3", endpoint_url=s3_server.endpoint).Bucket("pictures")
    bucket.objects.all().delete()
    bucket.delete()


@pytest.fixture(scope="session")
def ray_of_two(s3_server: Store) -> Iterator[None]:
    """A Ray of two CPUs, which `connected` uses while it is there."""
    from lipiyana.cluster import engine

    # a worker unpickles recognizers of tests/support
    paths = os.pathsep.join(sys.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", paths)
        with engine.connected(None, 2):
            yield
