"""Check the contract against buf's rules (`protos/buf.yaml`).

buf is taken from the PATH or, where there is node, from the npm registry. It gets a descriptor
set that protoc made, so that the imports need no registry of protos.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generate_protos import PACKAGE, PROTOS, run_protoc

BUF_VERSION = "1.75.0"


def buf_command() -> list[str] | None:
    """Find buf, or a way to fetch it; None where there is neither."""
    if buf := shutil.which("buf"):
        return [buf]
    if npx := shutil.which("npx"):
        return [npx, "--yes", f"--package=@bufbuild/buf@{BUF_VERSION}", "buf"]
    return None


def main() -> int:
    """Lint; exit 0 where nothing is wrong, or where there is no buf."""
    command = buf_command()
    if command is None:
        sys.stderr.write("skipped: neither buf nor npx is installed\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        sources = sorted(str(path) for path in (PROTOS / PACKAGE).glob("*.proto"))
        run_protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={image}",
                   *sources)  # fmt: skip
        options = ["--path", PACKAGE.parts[0], "--config", str(PROTOS / "buf.yaml")]
        return subprocess.run([*command, "lint", str(image), *options], check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
