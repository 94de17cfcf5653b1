"""Generate `src/lipiyana/v1` from `protos/`; `--check` only checks that it is up to date.

The output depends only on the pinned versions of grpcio-tools and mypy-protobuf.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
PROTOS = ROOT / "protos"
TARGET = ROOT / "src"
PACKAGE = Path("lipiyana", "v1")


def include_flags() -> list[str]:
    """Return the include paths: this contract, google/protobuf and google/rpc."""
    site_packages = sysconfig.get_paths()["purelib"]  # where googleapis-common-protos puts .proto
    return [f"-I{folder}" for folder in (PROTOS, files("grpc_tools") / "_proto", site_packages)]


def run_protoc(*arguments: str) -> None:
    """Run protoc, which prints its own errors.

    Raises:
        SystemExit: protoc failed.
    """
    if protoc.main(["protoc", *include_flags(), *arguments]) != 0:
        sys.exit("protoc failed")


def generate(target: Path) -> None:
    """Write the modules and their type stubs below `target`."""
    scripts = Path(sysconfig.get_paths()["scripts"])
    plugins = [
        f"--plugin=protoc-gen-{name}={scripts / f'protoc-gen-{name}'}"
        for name in ("mypy", "mypy_grpc")
    ]
    sources = sorted(str(path) for path in (PROTOS / PACKAGE).glob("*.proto"))
    services = [path for path in sources if path.endswith("_service.proto")]
    messages = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    stubs = [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}"]
    run_protoc(*plugins, *messages, *sources)
    run_protoc(*plugins, *stubs, *services)


def generated_files(folder: Path) -> dict[str, bytes]:
    """Read the generated files in `folder`, by file name."""
    return {
        path.name: path.read_bytes()
        for pattern in ("*_pb2*.py", "*_pb2*.pyi")
        for path in (folder / PACKAGE).glob(pattern)
    }


def main() -> None:
    """Generate or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        for name in generated_files(TARGET):
            (TARGET / PACKAGE / name).unlink()
        generate(TARGET)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        expected, found = generated_files(Path(folder)), generated_files(TARGET)
    differing = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if differing:
        sys.exit(f"out of date, run scripts/generate_protos.py: {', '.join(differing)}")


if __name__ == "__main__":
    main()
