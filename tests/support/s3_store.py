"""A server of S3 on this machine, as tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from needs import CLUSTER


def need_cluster() -> None:
    """Skip where Ray, or what makes a server of S3, is not installed."""
    for package in ("moto.server", "ray", "s3fs"):
        pytest.importorskip(package, reason=CLUSTER)


@dataclass(frozen=True, slots=True)
class Store:
    """A server of S3, and a client that sees all of it."""

    endpoint: str
    client: Any

    def put(self, address: str, data: bytes) -> str:
        """Write an object; return its address."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        self.client.put_object(Bucket=bucket, Key=key, Body=data)
        return address
