"""Values that make no sense end the rendering, with a message that says what to change."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import pytest
import yaml
from chart import CHART, render
from needs import DEPLOY

from lipiyana.server import ServerSettings

SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
OF_THE_CHART = {
    "host", "port", "metrics_port", "http_port", "tls_certificate", "tls_key", "tls_client_ca",
    "tokens", "shared_cache_url", "shared_cache_secret", "shared_cache_ttl", "shutdown_grace",
    "log_format", "inference", "inference_ca",
    # they need files that the image does not have
    "models", "keep_unsure", "keep_unsure_pictures", "keep_unsure_days", "shadow", "shadow_share",
    "drift_reference", "drift_webhook", "drift_webhook_secret",
}  # fmt: skip
"""Settings that the chart sets itself, or not at all."""


def nested(path: str, value: Any) -> dict[str, Any]:
    return reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), value)


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"surge": {"replica": 3}}, "replica"),
    ({"replicas": 3}, "replicas"),
    ({"settings": {"max_queu": 3}}, "max_queu"),
    ({"settings": {"port": 3}}, "port"),
    ({"settings": {"shutdown_grace": 60}}, "shutdown_grace"),
    ({"autoscaling": {"mode": "hpa,keda"}}, "mode"),
    ({"autoscaling": {"keda": {"picturesPerPod": 0}}}, "picturesPerPod"),
    ({"autoscaling": {"reserved": {"minReplicas": 0}}}, "minReplicas"),
    (
        {"autoscaling": {"reserved": {"minReplicas": 7}}},
        "autoscaling.reserved.minReplicas is 7: it must not exceed maxReplicas (2)",
    ),
    (
        {"autoscaling": {"surge": {"minReplicas": 30}}},
        "autoscaling.surge.minReplicas is 30: it must not exceed maxReplicas (20)",
    ),
    (
        {"autoscaling": {"mode": "hpa"}, "surge": {"enabled": True}},
        "autoscaling.mode hpa scales reserved pods only",
    ),
    ({"autoscaling": {"mode": "hpa"}}, "autoscaling.mode hpa has nothing to scale"),
    ({"autoscaling": {"mode": "keda"}}, "keda needs monitoring.serviceMonitor.enabled"),
    ({"nameOverride": "a.b"}, "nameOverride"),
    ({"nameOverride": "a" * 41}, "nameOverride"),
    (
        {"reserved": {"shutdownGraceSeconds": 45}},
        "it must be longer than preStopSeconds (5) and shutdownGraceSeconds (45) together",
    ),
    (
        {"surge": {"terminationGracePeriodSeconds": 110}},
        "must not exceed noticeSeconds (30), after which the node is gone",
    ),
    ({"resources": {"cpu": 1.5}}, "cpu"),
    ({"resources": {"memory": "2G"}}, "memory"),
    ({"tls": {"enabled": False, "clientCertificates": True}}, "needs tls.enabled"),
    ({"tls": {"existingSecret": ""}}, "tls.enabled needs tls.existingSecret"),
    ({"tokens": {"existingSecret": ""}}, "tokens.enabled needs tokens.existingSecret"),
    (
        {"sharedCache": {"redis": {"enabled": True}}},
        "sharedCache.redis.enabled needs sharedCache.enabled",
    ),
    ({"sharedCache": {"enabled": True}}, "would cut off the Redis of sharedCache"),
    ({"sharedCache": {"redis": {"image": "redis:latest"}}}, "image"),
    ({"sharedCache": {"redis": {"image": "redis"}}}, "image"),
    ({"inference": {"address": "http://models:8000"}}, "address"),
    ({"inference": {"address": "grpc://models:8001"}}, "would cut off inference.address"),
    ({"inference": {"caSecret": "ca"}}, "inference.caSecret needs TLS"),
    (
        {"inference": {"address": "grpc://models:8001", "triton": {"enabled": True}}},
        "inference.address or inference.triton.enabled, not both",
    ),
    (
        {"inference": {"triton": {"enabled": True, "accelerator": "tensorrt-fp16"}}},
        "tensorrt-fp16 needs inference.triton.gpus",
    ),
    (
        {"inference": {"triton": {"enabled": True, "accelerator": "openvino", "gpus": 1}}},
        "openvino runs on CPUs",
    ),
    (
        {"inference": {"triton": {"enabled": True, "scaleByGpu": {"enabled": True}}}},
        "scaleByGpu needs",
    ),
    ({"batch": {"workers": {"min": 30}}}, "batch.workers.min is 30: it must not exceed max"),
    ({"batch": {"input": "a'; rm -rf /"}}, "input"),
    ({"batch": {"output": "/tmp/rows"}}, "output"),
    ({"batch": {"input": "pictures"}}, "input"),
    ({"finetune": {"out": "/tmp/finetuned"}}, "out"),
    ({"batch": {"options": ["--layout line"]}}, "options"),
    ({"finetune": {"kind": "lorries"}}, "kind"),
]
"""Values, and what the message must say. One test, because each needs Helm."""


def test_values_that_make_no_sense_are_refused() -> None:
    helm = pytest.importorskip("helm_python", reason=DEPLOY)
    for values, message in SENSELESS:
        with pytest.raises(helm.HelmError) as caught:
            render(values)
        assert message in str(caught.value), values


def test_names_of_releases_that_no_service_can_have_are_refused() -> None:
    helm = pytest.importorskip("helm_python", reason=DEPLOY)
    for name in ("1st", "my.release"):
        with pytest.raises(helm.HelmError, match="is no name for a Service"):
            render({}, name=name)


def _objects(schema: dict[str, Any], values: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    found = [(path, schema, values)] if "properties" in schema else []
    for key, inner in schema.get("properties", {}).items():
        if isinstance(values, dict) and key in values:
            found += _objects(inner, values[key], f"{path}.{key}".lstrip("."))
    return found


def test_the_schema_names_every_value_and_no_other() -> None:
    for path, schema, values in _objects(SCHEMA, VALUES):
        assert schema["additionalProperties"] is False, path
        if path != "settings":
            assert set(schema["properties"]) - {"global"} == set(values), path


def test_the_schema_names_every_setting_of_the_server() -> None:
    """A new setting belongs into the schema, or into `OF_THE_CHART`."""
    known = set(SCHEMA["properties"]["settings"]["properties"])
    assert known == set(ServerSettings.model_fields) - OF_THE_CHART
    assert set(VALUES["settings"]) <= known


def test_a_value_that_is_taken_away_takes_the_default_away() -> None:
    things = render(nested("settings.max_connection_age", None))
    assert "max_connection_age" not in str(things)
