"""Pictures in a store of S3."""

from __future__ import annotations

import importlib
import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from s3_store import Store, need_cluster

need_cluster()

import boto3

from lipiyana.cli.sources import SUFFIXES
from lipiyana.cluster import addresses
from lipiyana.cluster.addresses import read_picture
from lipiyana.cluster.inputs import pictures_of_store
from lipiyana.errors import (
    InvalidRequest,
    LipiyanaError,
    MissingExtra,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)


def listed(address: str) -> list[str]:
    return [picture.path for picture in pictures_of_store(address, SUFFIXES)]


def test_a_prefix_is_listed_like_a_folder(store: Store) -> None:
    for key in ("in/b.jpg", "in/a/ख.PNG", "in/a.txt", "in/.hidden/x.jpg", "in/.x.jpg", "out/c.jpg"):
        store.put(f"s3://pictures/{key}", b"x")
    assert sorted(listed("s3://pictures/in")) == [
        "s3://pictures/in/a/ख.PNG",
        "s3://pictures/in/b.jpg",
    ]
    assert listed("s3://pictures/in/") == listed("s3://pictures/in")
    assert len(listed("s3://pictures")) == 3


def test_a_pattern_and_one_object(store: Store) -> None:
    for key in ("in/b.jpg", "in/a.bin", "in/c/d.jpg"):
        store.put(f"s3://pictures/{key}", b"x")
    assert listed("s3://pictures/in/*.jpg") == ["s3://pictures/in/b.jpg"]
    assert listed("s3://pictures/in/a.bin") == ["s3://pictures/in/a.bin"]


@pytest.mark.parametrize("address", ["s3://absent", "s3://absent/in", "s3://pictures/absent"])
def test_an_address_that_does_not_exist(store: Store, address: str) -> None:
    with pytest.raises(NotFound, match=f"there is nothing at {address}"):
        listed(address)


def test_bytes_of_a_picture(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_picture(store.put("s3://pictures/a.jpg", b"0123")) == b"0123"
    assert read_picture(store.put("s3://pictures/empty.jpg", b"")) == b""
    monkeypatch.setattr(addresses, "MAX_FILE_BYTES", 3)
    error = read_picture("s3://pictures/a.jpg")
    assert isinstance(error, InvalidRequest)
    assert error.reason == "IMAGE_TOO_LARGE"


def test_an_object_that_is_gone_is_an_error_of_its_row(store: Store) -> None:
    error = read_picture("s3://pictures/absent.jpg")
    assert isinstance(error, NotFound)
    assert error.message == "there is nothing at s3://pictures/absent.jpg"


@contextmanager
def rights_checked(store: Store) -> Iterator[None]:
    """Let the server check who may do what."""

    def ask(body: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{store.endpoint}/moto-api/reset-auth", body, headers)
        urllib.request.urlopen(request).close()

    ask(b"0")
    try:
        yield
    finally:
        ask(b"inf")


def test_keys_that_the_store_does_not_know_stop_the_run(store: Store) -> None:
    store.put("s3://pictures/a.jpg", b"x")
    with rights_checked(store):
        with pytest.raises(Unauthenticated, match=r"refuses the credentials .*InvalidAccessKeyId"):
            listed("s3://pictures/")
        assert isinstance(read_picture("s3://pictures/a.jpg"), Unauthenticated)


def test_a_user_without_rights(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("s3://pictures/a.jpg", b"x")
    iam = boto3.client("iam", endpoint_url=store.endpoint)
    iam.create_user(UserName="nobody")
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    iam.put_user_policy(
        UserName="nobody",
        PolicyName="none",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": deny}),
    )
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    addresses._store.cache_clear()
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with rights_checked(store):
        with pytest.raises(PermissionDenied, match="no permission for s3://pictures/"):
            listed("s3://pictures/")
        assert isinstance(read_picture("s3://pictures/a.jpg"), PermissionDenied)
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    addresses._store.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    assert isinstance(read_picture("s3://pictures/a.jpg"), Unavailable)
    s3fs.S3FileSystem.clear_instance_cache()


def test_an_unknown_scheme() -> None:
    with pytest.raises(InvalidRequest, match="nosuch:// cannot be read"):
        listed("nosuch://a/b")


def test_a_scheme_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses._store.cache_clear()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    # `fsspec.registry` is a mapping of the package, and a module as well
    monkeypatch.setattr(importlib.import_module("fsspec.registry"), "registry", {})
    with pytest.raises(MissingExtra, match=r"reading s3:// needs the extra 's3'"):
        listed("s3://pictures/")


def test_errors_keep_their_meaning() -> None:
    error: LipiyanaError = NotFound("gone")
    assert addresses.error_of_store(error, "s3://a") is error
