"""What the chart gives to the programs (settings, variables, options) is what they know."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from chart import CASES, one, pods, render, server_toml, values_of
from redis_server import redis_program
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.server import ServerSettings
from lipiyana.server.processes.memory import memory_bounds
from lipiyana.server.tuning import MEBIBYTE


def options_of(*command: str) -> set[str]:
    text = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, [*command, "--help"])
    assert text.exit_code == 0, text.output
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text.output))


def servers(things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        pod
        for thing in things
        if thing["kind"] == "Deployment"
        for pod in pods(thing)
        if pod["containers"][0]["name"] == "server"
    ]


def test_the_server_takes_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for case in CASES:
        things = render(values_of(case))
        with monkeypatch.context() as patch:
            check_server(case, things, tmp_path, patch)


def check_server(
    case: str, things: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(server_toml(things), "utf-8")
    for pod in servers(things):
        (container,) = pod["containers"]
        for variable in container["env"]:
            value = variable.get("value", "redis://redis/0" if "URL" in variable["name"] else "x")
            if variable["name"].startswith("LIPIYANA_"):
                monkeypatch.setenv(variable["name"], value)
        cpus = container["resources"]["limits"]["cpu"]
        settings = ServerSettings.load(file, threads=int(cpus))
        ends = settings.shutdown_grace + float(
            container["lifecycle"]["preStop"]["exec"]["command"][1]
        )
        assert ends < pod["terminationGracePeriodSeconds"]
        memory = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert sum(memory_bounds(settings).values()) <= memory * MEBIBYTE
        assert settings.max_message_bytes >= 20 * MEBIBYTE  # a JPEG of 48 megapixels
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        given = {
            "grpc": settings.port,
            "metrics": settings.metrics_port,
            "http": settings.http_port,
        }
        assert ports == {name: port for name, port in given.items() if port is not None}
        values = values_of(case)
        assert (settings.tls is not None) == values.get("tls", {}).get("enabled", True)
        assert (settings.tokens is not None) == values.get("tokens", {}).get("enabled", True)
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        for path in (
            settings.tls_certificate,
            settings.tls_key,
            settings.tls_client_ca,
            settings.tokens,
        ):
            assert path is None or str(path.parent) in mounted


def test_every_variable_of_a_server_is_a_setting() -> None:
    """`LIPIYANA_...` that is no setting would be a warning at the start, and no more."""
    names = {
        variable["name"]
        for case in CASES
        for pod in servers(render(values_of(case)))
        for variable in pod["containers"][0]["env"]
        if variable["name"].startswith("LIPIYANA_")
    }
    known = {f"LIPIYANA_{name.upper()}" for name in ServerSettings.model_fields}
    assert names
    assert names <= known


def test_the_server_knows_its_options() -> None:
    for pod in servers(render(values_of("keda-values"))):
        program, command, *rest = pod["containers"][0]["args"]
        assert (program, command) == ("lipiyana", "serve")
        assert {word for word in rest if word.startswith("--")} <= options_of("serve")


def test_a_spot_pod_ends_within_the_notice() -> None:
    for case, notice, label in (
        ("keda-values", 30, "cloud.google.com/gke-spot"),
        ("aws-values", 120, "karpenter.sh/capacity-type"),
    ):
        spot = one(render(values_of(case)), "Deployment", "lipiyana-surge")
        (pod,) = pods(spot)
        assert pod["terminationGracePeriodSeconds"] <= notice
        required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        (term,) = required["nodeSelectorTerms"]
        assert [(e["key"], e["operator"]) for e in term["matchExpressions"]] == [(label, "In")]


def test_the_batch_is_a_command_of_this_version() -> None:
    (job,) = (thing for thing in render(values_of("jobs-values")) if thing["kind"] == "RayJob")
    words = [word.strip("'") for word in job["spec"]["entrypoint"].split()]
    assert words[:2] == ["lipiyana", "read"]
    assert words[words.index("--output") + 1] == "s3://rows/2026/"
    assert "--allow-failed" in words  # and a run that ended early is tried again
    options = options_of("read")
    if "--engine" not in options:
        pytest.skip("this version has no `lipiyana read --engine ray`")
    assert {word for word in words if word.startswith("--")} <= options


def test_the_models_are_exported_by_a_command_of_this_version() -> None:
    triton = one(render(values_of("gpu-values")), "Deployment", "lipiyana-triton")
    (pod,) = pods(triton)
    program, *command = pod["initContainers"][0]["args"]
    assert program == "lipiyana"
    known = CliRunner().invoke(app, [*command[:2], "--help"])
    if known.exit_code:
        pytest.skip("this version has no `lipiyana models export-triton`")
    assert {word for word in command if word.startswith("--")} <= options_of(*command[:2])


def test_fine_tuning_goes_on_where_it_stopped(tmp_path: Path) -> None:
    check_fine_tuning(tmp_path / "new", begun=False)
    check_fine_tuning(tmp_path / "begun", begun=True)


def check_fine_tuning(folder: Path, begun: bool) -> None:
    job = one(render(values_of("jobs-values")), "Job", "lipiyana-finetune")
    (pod,) = pods(job)
    shell, *rest = pod["containers"][0]["command"]
    out = folder / "finetuned"
    (out / ".finetuning").mkdir(parents=True)
    if begun:
        (out / ".finetuning" / "course.json").write_text("{}")
    program = folder / "lipiyana"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    words = [str(out) if word == "/data/finetuned" else word for word in rest]
    done = subprocess.run(
        [shell, *words], env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout.split()
    assert said[:3] == ["finetune", "vehicles", "/data/labelled"]
    assert said[said.index("--out") + 1] == str(out)
    assert ("--resume" in said) == begun
    assert {word for word in said if word.startswith("--")} <= options_of("finetune", "vehicles")


def test_the_redis_of_the_chart_wants_its_password(tmp_path: Path) -> None:
    """Its command, with the system's Redis on a socket."""
    program = redis_program()
    socket = tmp_path / "redis.sock"
    (pod,) = pods(one(render(values_of("aws-values")), "Deployment", "lipiyana-redis"))
    shell, option, script = pod["containers"][0]["command"]
    here = f"exec {program} - --port 0 --unixsocket {socket} --dir {tmp_path} <<END"
    assert script.startswith("exec redis-server - <<END")
    process = subprocess.Popen(
        [shell, option, script.replace("exec redis-server - <<END", here)],
        env={"REDIS_PASSWORD": "0f1e2d", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    stranger = redis.Redis(unix_socket_path=str(socket))
    server = redis.Redis(unix_socket_path=str(socket), password="0f1e2d", decode_responses=True)
    try:
        assert process.stdout is not None
        assert any("eady to accept connections" in line for line in process.stdout)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        wanted = {"maxmemory": str(400 * 2**20), "maxmemory-policy": "allkeys-lru", "save": ""}
        for name, value in wanted.items():
            assert server.config_get(name) == {name: value}
    finally:
        stranger.close()
        server.close()
        process.kill()
        process.communicate()
