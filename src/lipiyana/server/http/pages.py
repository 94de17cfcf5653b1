"""The page at `/`, its files, the samples, and the documentation: files of this package."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from fastapi import FastAPI, Request, Response

from lipiyana.server.http.parameters import values_of

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src blob:; connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")

SAMPLES: Mapping[str, str] = {
    "01_sweet_shop_delhi.jpg": "Sweet shop, Delhi",
    "02_highway_bengaluru.jpg": "Highway, Bengaluru",
    "04_cafe_madurai.jpg": "Café, Madurai",
    "06_hotel_kochi.jpg": "Hotel, Kochi",
    "12_highway_agra.jpg": "Highway, Agra",
    "15_street_dhaka.jpg": "Street, Dhaka",
    "16_welcome_ranchi_imphal.jpg": "Ranchi and Imphal",
    "02_standard_2row.jpg": "Two-row plate",
    "07_nepal_2row.jpg": "Two-row plate, Nepal",
}
"""File names and titles of the samples that the page offers."""

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}


class _File:
    """A file in memory."""

    def __init__(self, name: str, body: bytes) -> None:
        suffix = name[name.rfind(".") :]
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        self.body = body
        self.tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'

    async def answer(self, request: Request) -> Response:
        """Answer a request, with 304 if the client has this version."""
        headers = {
            "etag": self.tag,
            "cache-control": "no-cache",
            "content-security-policy": _policy(request.headers.get("host", "")),
        }
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.kind, headers=headers)


def _policy(host: str) -> str:
    """What a page of this host may load. Old browsers do not count WebSockets as `'self'`."""
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return _POLICY.format(sockets=sockets)


def add_pages(app: FastAPI, document: dict[str, Any]) -> None:
    """Add the routes of everything that is not the API; `document` describes the API."""
    page = {name: _File(name, file.read_bytes()) for name, file in _files(_folder("page"))}
    samples = _samples()
    index = {
        "samples": [
            {"name": name, "layout": layout, "title": SAMPLES[name]} for name, layout in samples
        ]
    }
    fixed = {
        "/openapi.json": _File("openapi.json", json.dumps(document).encode()),
        "/samples/index.json": _File("index.json", json.dumps(index).encode()),
        "/docs": _File("docs.html", _documentation(document).encode()),
        "/docs/style.css": _File("style.css", _STYLE.encode()),
    }
    for name, file in page.items():
        fixed[f"/static/{name}"] = file
    if "index.html" in page:
        fixed["/"] = page["index.html"]
    if "icon.svg" in page:  # what browsers ask for with /docs and with JSON
        fixed["/favicon.ico"] = page["icon.svg"]
    fixed |= {f"/samples/{name}": _File(name, data) for (name, _), data in samples.items()}

    for path, file in fixed.items():
        app.add_route(path, file.answer, methods=["GET"])


def _folder(name: str) -> Traversable:
    return resources.files(__package__) / name


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".py", ".pyc")):
            yield f"{prefix}{entry.name}", entry


def _samples() -> dict[tuple[str, str], bytes]:
    root = resources.files("lipiyana.samples")
    found = {}
    for name in SAMPLES:
        for folder, layout in (("scenes", "scene"), ("plates", "plate")):
            file = root / folder / name
            if file.is_file():
                found[name, layout] = file.read_bytes()
    return found


_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { overflow: auto; padding: 0.75rem; border: 1px solid #8888; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888; padding-top: 1rem; }
"""


def _documentation(document: dict[str, Any]) -> str:
    """Write the OpenAPI document for people, without scripts."""
    body = [f"<h1>{escape(document['info']['title'])}</h1>"]
    body.append(f"<p>{escape(document['info']['description'])}</p>")
    body.append('<p>For programs: <a href="openapi.json">openapi.json</a></p>')
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            body.append(f"<p>{escape(operation.get('description', ''))}</p>")
            body.append(
                _table(
                    ("parameter", "in", "values", ""),
                    (
                        (one["name"], one["in"], values_of(one["schema"]), one["description"])
                        for one in operation.get("parameters", ())
                    ),
                )
            )
            bodies = operation.get("requestBody", {}).get("content", {})
            body.append(_table(("body",), ((kind,) for kind in bodies)))
            answers = operation["responses"].items()
            body.append(
                _table(
                    ("status", ""),
                    ((status, answer["description"]) for status, answer in answers),
                )
            )
    body.append("<h2>Types</h2>")
    for name, schema in document["components"]["schemas"].items():
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        body.append(f"<h3><code>{escape(name)}</code></h3><pre>{escape(text)}</pre>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(document['info']['title'])}</title>"
        '<link rel="stylesheet" href="docs/style.css"><body>' + "".join(body) + "</body></html>"
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>" if lines else ""
