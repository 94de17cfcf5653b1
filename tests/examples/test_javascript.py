"""The JavaScript client against a served fake recognizer, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from node_scripts import FOLDER, ROOT, Script, major, needs_node, needs_websocket, node
from served_fake import FakeRecognizer

from lipiyana.server import RecognitionServer, ServerSettings, running_server

pytest.importorskip("uvicorn")
pytestmark = needs_node


def test_all_kinds_of_pictures(server: RecognitionServer, script: Script, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"of a path")
    path = json.dumps(str(tmp_path / "a.bin"))
    found = script(
        server,
        f"""
        const bytes = new TextEncoder().encode("bytes");
        const pictures = [{path}, new URL("file://" + {path}), bytes, bytes.buffer,
          Buffer.from("a buffer"), new Blob(["a blob"], {{ type: "image/png" }})];
        const texts = [];
        for (const picture of pictures) {{
          const {{ text_lines }} = await client.recognize(picture, {{ features: ["text"] }});
          texts.push(text_lines[0].text);
        }}
        texts.push(await client.recognize(7).catch((error) => error.name));
        console.log(JSON.stringify(texts));
        """,
    )
    paths = ["of a path"] * 2
    assert found == [*paths, "bytes", "bytes", "a buffer", "a blob", "TypeError"]


def test_errors_have_their_facts(server: RecognitionServer, script: Script) -> None:
    bad, field, unreachable = script(
        server,
        """
        console.log(JSON.stringify([
          await failure(client.recognize(Buffer.from("bad one"))),
          await failure(client.recognize(Buffer.from("x"), { layout: "sceen" })),
          await failure(new Client("http://127.0.0.1:1").recognize(Buffer.from("x"))),
        ]));
        """,
    )
    assert (bad["status"], bad["code"]) == (400, "INVALID_ARGUMENT")
    assert bad["reason"] == "TRUNCATED_IMAGE"
    assert "sceen" in field["message"]
    assert (unreachable["status"], unreachable["reason"]) == (0, "UNREACHABLE")
    assert "serve --http-port" in unreachable["message"]


def test_a_batch_keeps_its_order_and_its_errors(server: RecognitionServer, script: Script) -> None:
    found = script(
        server,
        """
        const items = await client.batch(["one", "bad", "three"].map((text) => Buffer.from(text)));
        console.log(JSON.stringify(items.map(({ recognition, error }) =>
          error instanceof LipiyanaError ? error.reason : recognition.text_lines[0].text)));
        """,
    )
    assert found == ["one", "TRUNCATED_IMAGE", "three"]


def test_what_the_server_has(server: RecognitionServer, script: Script) -> None:
    found = script(server, "console.log(JSON.stringify(await client.models()));")
    assert found["max_batch"] == 4
    assert "scene" in found["layouts"]


def test_busy_servers_are_asked_again_within_a_bound(
    server: RecognitionServer, script: Script
) -> None:
    # the server's answers are replaced: 429 twice, then what it says
    found = script(
        server,
        """
        const busy = (after) => new Response(
          JSON.stringify({ detail: "busy", code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL",
            status: 429, retry_after: 0.01 }),
          { status: 429, headers: after ? { "retry-after": after } : {} });
        const tries = (count, after, options) => {
          let asked = 0;
          const fake = async (...args) => (asked++ < count ? busy(after) : fetch(...args));
          const one = new Client(client._address, { fetch: fake, ...options });
          return one.recognize(Buffer.from("at last")).then(
            (found) => [asked, found.text_lines[0].text],
            (error) => [asked, error.reason, error.retryAfter]);
        };
        console.log(JSON.stringify([
          await tries(2), await tries(9, "", { retries: 2 }), await tries(9, "3600"),
          await tries(1, "0"),
        ]));
        """,
    )
    assert found == [
        [3, "at last"],
        [3, "QUEUE_FULL", 0.01],
        [1, "QUEUE_FULL", 3600],
        [2, "at last"],
    ]


def test_a_call_can_be_aborted(
    server: RecognitionServer, script: Script, fake: FakeRecognizer
) -> None:
    fake.hold()
    found = script(
        server,
        """
        const stop = new AbortController();
        const calls = [
          client.recognize(Buffer.from("held"), { signal: stop.signal }),
          new Client("http://x", { fetch: async () => new Response("{}",
            { status: 503, headers: { "retry-after": "50" } }) })
            .recognize(Buffer.from("x"), { signal: stop.signal }),
          (async () => { for await (const _ of client.stream([Buffer.from("frame")],
            { signal: stop.signal })); })(),
        ];
        setTimeout(() => stop.abort(new Error("enough")), 50);
        console.log(JSON.stringify(await Promise.all(
          calls.map((call) => call.then(() => "", (error) => error.message)))));
        """,
    )
    if major() < 20:
        found[2] = "enough"
    assert found == ["enough"] * 3


@needs_websocket
def test_a_stream_answers_its_frames(server: RecognitionServer, script: Script) -> None:
    found = script(
        server,
        """
        async function* frames() {
          for (let i = 0; i < 5; i += 1) yield Buffer.from(i === 2 ? "bad" : `frame ${i}`);
        }
        const rows = [];
        for await (const result of client.stream(frames(), { features: ["text"], inFlight: 1 })) {
          rows.push([result.frameId, result.error?.reason ?? result.recognition.text_lines[0].text,
            result.droppedFrameIds]);
        }
        const wrong = client.stream([Buffer.from("x")], { layout: "sceen" }).next();
        console.log(JSON.stringify([rows, await failure(wrong)]));
        """,
    )
    rows, wrong = found
    assert rows == [
        [0, "frame 0", []],
        [1, "frame 1", []],
        [2, "TRUNCATED_IMAGE", []],
        [3, "frame 3", []],
        [4, "frame 4", []],
    ]
    assert wrong["code"] == "INVALID_ARGUMENT"


@needs_websocket
def test_a_stream_may_be_left_early(server: RecognitionServer, script: Script) -> None:
    found = script(
        server,
        """
        let first;
        for await (const result of client.stream(Array(100).fill(Buffer.from("frame")))) {
          first = result.frameId;
          break;
        }
        console.log(JSON.stringify(first));
        """,
    )
    assert isinstance(found, int)


def test_without_a_websocket_the_error_says_what_to_do(
    server: RecognitionServer, script: Script
) -> None:
    found = script(
        server,
        """
        globalThis.WebSocket = undefined;
        const said = await client.stream([]).next().catch((error) => error.message);
        console.log(JSON.stringify(said));
        """,
    )
    assert "Node 22" in found


def test_keys(fake: FakeRecognizer, script: Script, tmp_path: Path) -> None:
    token = "secret-token-of-32-characters-xx"
    digest = hashlib.sha256(token.encode()).hexdigest()
    (tmp_path / "tokens.toml").write_text(f'[someone]\nsha256 = "{digest}"\n')
    settings = ServerSettings(port=0, http_port=0, threads=1, tokens=tmp_path / "tokens.toml")
    with running_server(fake, settings) as server:
        code = "console.log(JSON.stringify(await failure(client.recognize(Buffer.from('x')))));"
        assert script(server, code)["status"] == 401
        assert script(server, code, token=token) is None


def test_the_example_reads_samples(server: RecognitionServer, tmp_path: Path) -> None:
    for name in ("one", "bad"):
        (tmp_path / name).write_text(name)
    paths = [str(tmp_path / name) for name in ("one", "bad")]
    address = f"http://127.0.0.1:{server.http_port}"
    both = node(str(FOLDER / "example.js"), address, *paths)
    assert both.returncode == 0, both.stderr
    assert f"{paths[0]}: Latn one" in both.stdout
    assert f"{paths[1]}: this is not a picture" in both.stdout
    one = node(str(FOLDER / "example.js"), address, paths[1])
    assert one.returncode == 1
    assert "TRUNCATED_IMAGE" in one.stderr
    missing = node(str(FOLDER / "example.js"), address, paths[0], str(tmp_path / "missing.jpg"))
    assert missing.returncode == 0, missing.stderr
    assert f"{paths[0]}: Latn one" in missing.stdout
    assert f"there is no file {tmp_path / 'missing.jpg'}" in missing.stdout
    no_scheme = node(str(FOLDER / "example.js"), "localhost:8080", paths[0])
    assert no_scheme.returncode == 1
    assert no_scheme.stderr.startswith("INVALID_ARGUMENT")
    assert len(no_scheme.stderr.splitlines()) == 1
    assert node(str(FOLDER / "example.js")).returncode == 2


@needs_websocket
def test_the_guide_runs_as_pasted(server: RecognitionServer, tmp_path: Path) -> None:
    for name in ("street.jpg", "plate.jpg"):
        (tmp_path / name).write_text(name)
    (tmp_path / "lipiyana.js").symlink_to(FOLDER / "lipiyana.js")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    page = (ROOT / "docs" / "guides" / "javascript.md").read_text()
    blocks = re.findall(r"^```javascript\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    address = f"http://127.0.0.1:{server.http_port}"
    said = []
    for block in blocks:
        (tmp_path / "block.mjs").write_text(block.replace("http://localhost:8080", address))
        done = node("--preserve-symlinks", "block.mjs", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == ""  # the fake recognizer finds no plates
    assert "street.jpg" in said[1]
    assert said[2].splitlines()[0] == "0 [ 1 ]"
    assert said[3] == ""


def test_types_and_documentation_name_what_there_is() -> None:
    source = (FOLDER / "lipiyana.js").read_text()
    types = (FOLDER / "lipiyana.d.ts").read_text()
    named = re.findall(r'import\("\./lipiyana\.js"\)\.(\w+)', source)
    assert named
    for name in named:
        assert re.search(rf"export (interface|type|class) {name}\b", types), name
    for method in re.findall(r"^  (?:async )?\*?([a-z]\w+)\(", source, re.MULTILINE):
        if method not in {"constructor", "add", "end", "room", "for"}:
            assert re.search(rf"^  {method}\(", types, re.MULTILINE), method
    package = json.loads((FOLDER / "package.json").read_text())
    for path in package["exports"]["."].values():
        assert (FOLDER / path).is_file()
