"""compose.yaml: valid, and every file, port and setting that it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart import ROOT
from needs import DEPLOY

from lipiyana.server import ServerSettings
from lipiyana.server.processes.memory import memory_bounds
from lipiyana.server.tuning import MEBIBYTE

FILE = ROOT / "deploy" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / "deploy" / "compose" / name).read_text("utf-8"))


def test_it_is_a_compose_file() -> None:
    compose = pytest.importorskip("compose_spec", reason=DEPLOY)
    compose.ComposeSpecification.model_validate(COMPOSE)
    for service in SERVICES.values():
        # the models let keys pass that they do not know
        assert set(service) <= set(compose.Service.model_fields)
    broken = {"services": {"server": {"image": "lipiyana", "ports": "50051"}}}
    with pytest.raises(ValueError, match="ports"):
        compose.ComposeSpecification.model_validate(broken)


def test_every_file_that_it_names_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, target, *mode = volume.split(":")
            if source.startswith("."):
                assert (FILE.parent / source).is_file(), volume
                assert mode == ["ro"]
            else:
                assert source in COMPOSE["volumes"]
            assert target.startswith("/")
    build = SERVICES["server"]["build"]
    context = (FILE.parent / build["context"]).resolve()
    assert context == ROOT.resolve()
    assert (context / build["dockerfile"]).is_file()


def test_the_server_takes_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SERVICES["server"]
    for name, value in server["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value))
        assert name.removeprefix("LIPIYANA_").lower() in ServerSettings.model_fields
    settings = ServerSettings.load(threads=server["cpus"])
    ports = {settings.port, settings.http_port}
    assert {int(port.rsplit(":", 1)[1]) for port in server["ports"]} == ports
    assert settings.shutdown_grace < int(server["stop_grace_period"].removesuffix("s"))
    memory = int(server["mem_limit"].removesuffix("m"))
    assert sum(memory_bounds(settings).values()) <= memory * MEBIBYTE
    assert settings.shared_cache is not None
    assert settings.shared_cache.url.startswith("redis://redis:6379")


def test_only_this_machine_reaches_it_and_images_are_pinned() -> None:
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+[\w.-]*", service["image"]), name
        assert "mem_limit" in service


def test_prometheus_and_grafana_find_each_other() -> None:
    prometheus = load("prometheus.yml")
    (scrape,) = prometheus["scrape_configs"]
    (target,) = scrape["static_configs"][0]["targets"]
    service, port = target.split(":")
    assert service in SERVICES
    assert port == SERVICES[service]["environment"]["LIPIYANA_METRICS_PORT"]
    mounted = {volume.split(":")[1] for s in SERVICES.values() for volume in s.get("volumes", ())}
    assert set(prometheus["rule_files"]) <= mounted
    (source,) = load("datasource.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = load("dashboards.yaml")["providers"]
    assert str(Path(provider["options"]["path"]) / "lipiyana.json") in mounted
