from __future__ import annotations

from served_fixtures import client, fake, server, settings

__all__ = ["client", "fake", "server", "settings"]
