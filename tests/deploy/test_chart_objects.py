"""Every object that the chart renders is one that Kubernetes and the operators accept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from chart import CASES, CHART, pods, render, values_of
from needs import DEPLOY

SCHEMAS = Path(__file__).parent / "schemas"
OLDEST = "1.29"
"""`kubeVersion` of the chart."""

COUNTS = {
    "default": "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service",
    "aws-values": "ConfigMap Deployment*3 NetworkPolicy*2 PodDisruptionBudget ScaledObject*2 Secret"
    " Service*3 ServiceMonitor",
    "gpu-values": "ConfigMap Deployment*2 NetworkPolicy*2 PodDisruptionBudget ScaledObject*2"
    " Service*2 ServiceMonitor",
    "hpa-values": "ConfigMap Deployment HorizontalPodAutoscaler Service",
    "inference-values": "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service",
    "jobs-values": "ConfigMap Deployment*2 Job NetworkPolicy*3 PodDisruptionBudget RayJob"
    " Service*2",
    "keda-values": "ConfigMap*2 Deployment*2 NetworkPolicy PodDisruptionBudget PrometheusRule"
    " ScaledObject*2 Service ServiceMonitor",
}
"""Kinds of the objects of each file of values, and how many of each."""


def validate(thing: dict[str, Any]) -> None:
    """Check an object by its schema: a field that the schema does not know is an error."""
    kubernetes = pytest.importorskip("kubernetes_validate", reason=DEPLOY)
    own = SCHEMAS / f"{thing['kind']}.yaml"
    if own.exists():
        schema = yaml.safe_load(own.read_text("utf-8"))
        jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
            thing
        )
        for number, spec in enumerate(pods(thing)):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}}
            validate({**pod, "spec": spec})
        return
    for version in (OLDEST, kubernetes.latest_version()):
        kubernetes.validate(thing, version, strict=True)


def test_every_object_is_valid() -> None:
    for case in CASES:
        things = render(values_of(case))
        counts = Counter(thing["kind"] for thing in things)
        shown = [f"{kind}*{n}" if n > 1 else kind for kind, n in sorted(counts.items())]
        assert " ".join(shown) == COUNTS[case], case
        for thing in things:
            validate(thing)
        assert len({(thing["kind"], thing["metadata"]["name"]) for thing in things}) == len(things)


def test_an_unknown_kind_or_field_is_an_error() -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason=DEPLOY)
    unknown = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledThing", "metadata": {"name": "a"}}
    with pytest.raises(kubernetes.SchemaNotFoundError):
        validate(unknown)
    (scaled, *_) = (t for t in render(values_of("keda-values")) if t["kind"] == "ScaledObject")
    scaled["spec"]["triggers"][0]["metadata"]["treshold"] = "1"
    with pytest.raises(jsonschema.ValidationError, match="treshold"):
        validate(scaled)
    (ray,) = (t for t in render(values_of("jobs-values")) if t["kind"] == "RayJob")
    next(pods(ray))["containers"][0]["imagePull"] = "Always"
    with pytest.raises(kubernetes.ValidationError, match="imagePull"):
        validate(ray)


def test_helm_finds_nothing_to_object_to() -> None:
    helm = pytest.importorskip("helm_python", reason=DEPLOY)
    for case in CASES:
        report = helm.lint(CHART, values_of(case), strict=True)
        assert report["errors"] == [], case
        assert [m for m in report["messages"] if m["severity"] > 1] == [], case


def test_every_pod_may_do_nothing_that_it_need_not() -> None:
    found = [pod for case in CASES for pod in pods(render(values_of(case)))]
    assert len(found) >= 2 * len(CASES)
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            assert not container["image"].endswith(":latest")
            assert ":" in container["image"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_selectors_find_the_pods_that_they_mean() -> None:
    for case in CASES:
        things = render(values_of(case))
        labels = [
            t["spec"]["template"]["metadata"]["labels"] for t in things if t["kind"] == "Deployment"
        ]
        for thing in things:
            if thing["kind"] not in {"Service", "Deployment", "PodDisruptionBudget"}:
                continue
            spec = thing["spec"]["selector"]
            selector = (spec if thing["kind"] == "Service" else spec["matchLabels"]).items()
            found = sum(selector <= pod.items() for pod in labels)
            both = thing["metadata"]["name"] in {"lipiyana", "lipiyana-http"}
            groups = 2 if both and thing["kind"] != "Deployment" else 1
            assert found == (groups if "surge" in str(labels) else 1), (case, thing)
