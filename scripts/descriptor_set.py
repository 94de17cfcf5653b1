"""Write the contract and all that it imports as one `FileDescriptorSet`, for proxies such as Envoy.

python scripts/descriptor_set.py lipiyana.pb
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate_protos import PACKAGE, PROTOS, run_protoc


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    service = PROTOS / PACKAGE / "recognition_service.proto"
    run_protoc(
        "--include_imports", f"--descriptor_set_out={parser.parse_args().file}", str(service)
    )


if __name__ == "__main__":
    main()
