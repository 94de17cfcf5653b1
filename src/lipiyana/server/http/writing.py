"""Writes results as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lipiyana.server.http.tuning import REST
from lipiyana.types import Recognition
from lipiyana.wire.results import recognition_to_json


def dumped(value: Any) -> str:
    """Write a value of JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def written(value: Recognition) -> str:
    """Write a result, on a thread if it is long."""
    if len(value.text_lines) <= REST.inline_lines:
        return dumped(recognition_to_json(value))
    return await asyncio.to_thread(lambda: dumped(recognition_to_json(value)))
