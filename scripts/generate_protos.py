"""Generate the modules of `protos/` below `src/`; `--check` only checks that they are up to date.

The output depends only on the versions of `PROTOC` and mypy-protobuf.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTOS = ROOT / "protos"
TARGET = ROOT / "src"
PACKAGE = Path("lipiyana", "v1")
PACKAGES = (PACKAGE, Path("lipiyana", "events", "v1"), Path("lipiyana", "inference", "v2"))

PROTOC = "grpcio-tools==1.71.2"
"""Generated code needs at least the protobuf and grpcio of its generator, and works with later
ones. This is the last generator whose code still runs with protobuf 5.
"""
PROTOC_FOLDER = Path(sys.prefix) / PROTOC.replace("==", "-")
"""Where it is installed, alone: beside the other packages it would hold protobuf back for all."""


def run_protoc(*arguments: str) -> None:
    """Run protoc, which prints its own errors; the first time, install it.

    Raises:
        SystemExit: protoc failed, or could not be installed.
    """
    if not PROTOC_FOLDER.is_dir():
        _install_protoc()
    includes = (PROTOS, PROTOC_FOLDER / "grpc_tools" / "_proto", sysconfig.get_paths()["purelib"])
    program = "import sys; from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))"
    command = [sys.executable, "-c", program, *(f"-I{folder}" for folder in includes), *arguments]
    environment = {"PYTHONPATH": str(PROTOC_FOLDER), "PATH": sysconfig.get_paths()["scripts"]}
    if subprocess.run(command, check=False, env=environment).returncode != 0:  # noqa: S603
        sys.exit("protoc failed")


def _install_protoc() -> None:
    with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--target", folder]
        command = [sys.executable, "-m", "pip", "install", *options, PROTOC]
        if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
            sys.exit(f"{PROTOC} could not be installed")
        # a rename, so that an interrupted run leaves nothing that looks whole
        (Path(folder) / "whole").mkdir()
        for part in Path(folder).glob("grpc*"):
            part.rename(Path(folder) / "whole" / part.name)
        (Path(folder) / "whole").rename(PROTOC_FOLDER)


def sources(package: Path) -> list[str]:
    """List the files of a package."""
    return sorted(str(path) for path in (PROTOS / package).glob("*.proto"))


def generate(target: Path) -> None:
    """Write the modules and their type stubs below `target`."""
    scripts = Path(sysconfig.get_paths()["scripts"])
    plugins = [
        f"--plugin=protoc-gen-{name}={scripts / f'protoc-gen-{name}'}"
        for name in ("mypy", "mypy_grpc")
    ]
    files = [path for package in PACKAGES for path in sources(package)]
    services = [path for path in files if path.endswith("_service.proto")]
    messages = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    stubs = [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}"]
    run_protoc(*plugins, *messages, *files)
    run_protoc(*plugins, *stubs, *services)


def generated_files(folder: Path) -> dict[Path, bytes]:
    """Read the generated files in `folder`, by their path in it."""
    return {
        path.relative_to(folder): path.read_bytes()
        for package in PACKAGES
        for pattern in ("*_pb2*.py", "*_pb2*.pyi")
        for path in (folder / package).glob(pattern)
    }


def main() -> None:
    """Generate or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        for name in generated_files(TARGET):
            (TARGET / name).unlink()
        generate(TARGET)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        expected, found = generated_files(Path(folder)), generated_files(TARGET)
    differing = sorted(
        str(name) for name in expected | found if expected.get(name) != found.get(name)
    )
    if differing:
        sys.exit(f"out of date, run scripts/generate_protos.py: {', '.join(differing)}")


if __name__ == "__main__":
    main()
