"""Certificates for tests, generated on demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificate:
    """PEM files of one certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._authority = trustme.CA(organization_name=name)
        self.files = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        self._authority.cert_pem.write_to_path(self.files.certificate)
        self._authority.private_key_pem.write_to_path(self.files.key)

    def sign(
        self, name: str, alternative: str = "IP:127.0.0.1", *also: str, days: int = 365
    ) -> Certificate:
        """Make a certificate for 127.0.0.1, or other subjects, with this common name."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signed = self._authority.issue_cert(
            *(subject.partition(":")[2] for subject in (alternative, *also)),
            common_name=name,
            not_after=datetime.now(UTC) + timedelta(days=days),
        )
        signed.cert_chain_pems[0].write_to_path(made.certificate)
        signed.private_key_pem.write_to_path(made.key)
        return made
