"""The parts of `examples/envoy/` that need no Envoy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from lipiyana.v1 import recognition_service_pb2 as service_pb

ROOT = Path(__file__).parents[2]
SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]


def test_the_contract_has_the_paths_of_http() -> None:
    rules = {
        method.name: method.GetOptions().Extensions[annotations_pb2.http]
        for method in SERVICE.methods
    }
    one, batch = rules["Recognize"], rules["BatchRecognize"]
    assert (one.post, one.body, one.response_body) == ("/v1/recognize", "*", "recognition")
    assert (batch.post, batch.body, batch.response_body) == ("/v1/recognize:batch", "*", "")
    assert not rules["StreamRecognize"].WhichOneof("pattern")


def test_the_descriptor_file_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "lipiyana.pb"
    script = ROOT / "scripts" / "descriptor_set.py"
    subprocess.run([sys.executable, str(script), str(file)], check=True)
    files = {one.name: one for one in FileDescriptorSet.FromString(file.read_bytes()).file}
    for one in files.values():
        assert set(one.dependency) <= set(files)
    (service,) = files["lipiyana/v1/recognition_service.proto"].service
    assert service.method[0].options.Extensions[annotations_pb2.http].post == "/v1/recognize"


def test_the_configuration_names_the_service() -> None:
    config = yaml.safe_load((ROOT / "examples" / "envoy" / "envoy.yaml").read_text("utf-8"))
    (listener,) = config["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    transcoder, router = (one["typed_config"] for one in manager["http_filters"])
    assert transcoder["services"] == [SERVICE.full_name]
    assert router["@type"].endswith(".Router")
    clusters = {one["name"] for one in config["static_resources"]["clusters"]}
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert {one["route"]["cluster"] for one in routes} <= clusters
