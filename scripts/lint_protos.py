"""Check the contract against buf's rules (`protos/buf.yaml`).

buf is taken from the PATH or, if Node.js is installed, from the npm registry. It reads a descriptor
set made by protoc, so that imports do not need buf's registry.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generate_protos import PACKAGE, PACKAGES, PROTOS, run_protoc, sources

BUF_VERSION = "1.75.0"


def buf_command() -> list[str] | None:
    """Return a command that runs buf, installed or fetched by npx; None if there is neither."""
    if buf := shutil.which("buf"):
        return [buf]
    if npx := shutil.which("npx"):
        return [npx, "--yes", f"--package=@bufbuild/buf@{BUF_VERSION}", "buf"]
    return None


def main() -> int:
    """Lint; return 0 if there are no findings or buf is not available."""
    command = buf_command()
    if command is None:
        sys.stderr.write("skipped: neither buf nor npx is installed\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        files = [path for package in PACKAGES for path in sources(package)]
        run_protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={image}",
                   *files)  # fmt: skip
        options = ["--path", PACKAGE.parts[0], "--config", str(PROTOS / "buf.yaml")]
        return subprocess.run([*command, "lint", str(image), *options], check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
