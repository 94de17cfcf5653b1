"""The JavaScript client with addresses and paths that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from node_scripts import Script, needs_node, needs_websocket

from lipiyana.server import RecognitionServer

pytest.importorskip("uvicorn")
pytestmark = needs_node


def test_an_address_that_is_none_is_refused_with_what_to_write(
    server: RecognitionServer, script: Script
) -> None:
    found = script(
        server,
        """
        const addresses = ["localhost:8951", undefined, "", "//localhost", "ftp://localhost", 7];
        const made = async (address) => new Client(address);
        console.log(JSON.stringify(
          await Promise.all(addresses.map((address) => failure(made(address))))));
        """,
    )
    assert {one["code"] for one in found} == {"INVALID_ARGUMENT"}
    assert 'new Client("http://localhost:8951")' in found[0]["message"]
    for one in found[1:]:
        assert 'new Client("http://localhost:8080")' in one["message"]


UNREADABLE = ["missing.jpg", ".", "script.mjs/of a file"]


def test_a_picture_whose_file_cannot_be_read_fails_alone(
    server: RecognitionServer, script: Script, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name) for name in UNREADABLE]
    alone, together, none = script(
        server,
        f"""
        const paths = {json.dumps(paths)};
        const named = ({{ recognition, error }}) =>
          error instanceof LipiyanaError ? error.reason : recognition.text_lines[0].text;
        const alone = [];
        for (const path of paths) alone.push(await failure(client.recognize(path)));
        const mixed = [paths[0], "one", paths[1], "bad", "two", paths[2]];
        const given = mixed.map((one) => (paths.includes(one) ? one : Buffer.from(one)));
        console.log(JSON.stringify([
          alone, (await client.batch(given)).map(named), (await client.batch(paths)).map(named),
        ]));
        """,
    )
    reasons = ["NOT_FOUND", "NOT_AN_IMAGE", "NOT_FOUND"]
    assert [one["reason"] for one in alone] == reasons == none
    assert [one["code"] for one in alone] == ["NOT_FOUND", "INVALID_ARGUMENT", "NOT_FOUND"]
    for path, one in zip(paths, alone, strict=True):
        assert path in one["message"]
    assert together == [reasons[0], "one", reasons[1], "TRUNCATED_IMAGE", "two", reasons[2]]


@needs_websocket
def test_a_frame_whose_file_is_missing_has_its_error_in_order(
    server: RecognitionServer, script: Script, tmp_path: Path
) -> None:
    missing = json.dumps(str(tmp_path / "missing.jpg"))
    rows, unreachable = script(
        server,
        f"""
        const frames = [{missing}, Buffer.from("one"), {missing}, Buffer.from("two"), {missing}];
        const rows = [];
        const results = client.stream(frames, {{ inFlight: 1 }});
        for await (const {{ frameId, recognition, error }} of results)
          rows.push([frameId, error?.reason ?? recognition.text_lines[0].text]);
        const nobody = new Client("http://127.0.0.1:1").stream([Buffer.from("x")]).next();
        console.log(JSON.stringify([rows, await failure(nobody)]));
        """,
    )
    expected = ["NOT_FOUND", "one", "NOT_FOUND", "two", "NOT_FOUND"]
    assert rows == [[index, text] for index, text in enumerate(expected)]
    assert "serve --http-port" in unreachable["message"]
