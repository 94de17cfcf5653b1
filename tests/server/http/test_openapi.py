from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from http_calls import Http
from jsonschema import Draft202012Validator

from lipiyana.server.http.problems import STATUS
from lipiyana.types import RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb


@pytest.fixture
def document(http: Http) -> Any:
    return http.get("/openapi.json").json


def validator(document: Any, name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return Draft202012Validator(schema)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_document_holds_together(document: Any) -> None:
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    assert document["info"]["version"]
    schemas = document["components"]["schemas"]
    assert references(document) == {f"#/components/schemas/{name}" for name in schemas}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert not any("422" in one["responses"] for one in operations)


def test_every_route_of_the_contract_is_described(document: Any) -> None:
    assert {
        (path, method) for path, methods in document["paths"].items() for method in methods
    } == {
        ("/v1/recognize", "post"),
        ("/v1/recognize:batch", "post"),
        ("/v1/models", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
    }


def test_every_field_of_the_config_is_a_parameter(document: Any) -> None:
    fields = set(pb.RecognitionConfig.DESCRIPTOR.fields_by_name)
    parameters = document["paths"]["/v1/recognize"]["post"]["parameters"]
    assert {one["name"] for one in parameters if one["in"] == "query"} == fields
    config = document["components"]["schemas"]["Config"]["properties"]
    assert set(config) == fields
    assert config["layout"]["enum"] == ["scene", "line", "plate"]


def test_every_field_of_the_config_is_explained_with_its_values(http: Http, document: Any) -> None:
    values = {
        "features": "list of text, plates, vehicles, ",
        "layout": "scene, line, plate; without it scene",
        "script_hints": "Arab, Beng, Deva, ",
        "min_confidence": "a number from 0 to 1",
        "cache_policy": "use, bypass; without it use",
        "romanize": "true, false; without it false",
        "words": "true, false; without it false",
    }
    assert set(values) == set(pb.RecognitionConfig.DESCRIPTOR.fields_by_name)
    parameters = document["paths"]["/v1/recognize"]["post"]["parameters"]
    described = {one["name"]: one["description"] for one in parameters}
    config = document["components"]["schemas"]["Config"]["properties"]
    page = unescape(http.get("/docs").body.decode())
    for name, known in values.items():
        assert len(described[name]) > 20
        assert config[name]["description"] == described[name]
        row = re.search(f"<tr><td>{name}</td><td>query</td>(.*?)</tr>", page)
        assert row
        assert known in row[1]
        assert described[name] in row[1]


def test_the_defaults_of_the_config_are_those_of_python(document: Any) -> None:
    parameters = document["paths"]["/v1/recognize"]["post"]["parameters"]
    defaults = {
        one["name"]: one["schema"]["default"] for one in parameters if "default" in one["schema"]
    }
    own = RecognitionConfig()
    assert defaults == {
        "layout": own.layout.value,
        "cache_policy": own.cache_policy.value,
        "romanize": own.romanize,
        "words": own.words,
    }


def test_every_error_is_described(document: Any) -> None:
    problem = document["components"]["schemas"]["Problem"]["properties"]
    assert set(problem["code"]["enum"]) == set(STATUS)
    assert set(STATUS.values()) <= set(problem["status"]["enum"])
    for path in ("/v1/recognize", "/v1/recognize:batch"):
        answers = document["paths"][path]["post"]["responses"]
        assert {"400", "401", "413", "415", "429", "500", "503", "504"} <= set(answers)
        for status in ("429", "503"):
            assert "Retry-After" in answers[status]["headers"]
        for status, answer in answers.items():
            if status != "200":
                assert list(answer["content"]) == ["application/problem+json"]


def test_answers_are_as_described(http: Http, document: Any) -> None:
    validator(document, "Recognition").validate(http.recognize(b"a").json)
    batch = http.form("/v1/recognize:batch", [("image", b"a"), ("image", b"bad")]).json
    validator(document, "BatchAnswer").validate(batch)
    validator(document, "Models").validate(http.get("/v1/models").json)
    problem = validator(document, "Problem")
    for reply in (
        http.recognize(b"bad"),
        http.recognize(b"bug"),
        http.recognize(b"a", "?layout=street"),
        http.post("/v1/recognize", b"a", "text/plain"),
        http.get("/v1/recognize"),
        http.get("/v2"),
    ):
        problem.validate(reply.json)
        assert set(reply.json) <= set(document["components"]["schemas"]["Problem"]["properties"])


def test_the_documentation_has_no_script(http: Http) -> None:
    page = http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "/v1/recognize:batch" in text
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)
    style = re.search('href="([^"]*css)"', text)
    assert style
    assert http.get(f"/{style[1]}").headers["content-type"] == "text/css; charset=utf-8"
