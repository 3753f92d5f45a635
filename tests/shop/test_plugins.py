"""The plugins of ``examples/`` and the endpoint agree: without Node, by what stands in their files.

``./nightshift bench shops`` runs them in a real Vendure and a real Medusa.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cli.real_shops import REAL_SHOPS, SCRIPTS, for_node, need_node
from ml.adapters.endpoint import Keys, make
from ml.adapters.endpoint.app import HEADER
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

PLUGINS = ("vendure", "medusa")
LISTED = {"product_id", "score", "reason"}
"""What ``ml.recommend``, ``ml.recommend_for_basket`` and ``/v1/similar`` have of a row, and a plugin reads."""


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """The endpoint's OpenAPI."""
    return make("postgresql://nowhere/none", Keys({})).openapi()


@pytest.fixture(params=PLUGINS)
def source(request: pytest.FixtureRequest) -> str:
    """All TypeScript of a plugin."""
    files = sorted((PROJECT / "examples" / f"{request.param}-plugin").rglob("*.ts"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def parts(text: str) -> list[str]:
    """What stands between the commas of an object, nothing inside of brackets taken apart."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [part.strip() for part in found if part.strip()]


def posted(source: str) -> set[str]:
    """The fields of an event as a plugin sends it."""
    (body,) = re.findall(r"events\.map\(\([^)]*\) => \(\{(.*?)\}\)\)", source, re.DOTALL)
    return {part.partition(":")[0].strip() for part in parts(body)}


def test_each_list_is_asked_as_the_endpoint_answers(source: str, api: dict[str, Any]) -> None:
    """Recommended, similar and basket: the path exists, with those parameters and all that must be given."""
    calls = re.findall(r"list\((?:ctx, )?'(\w+)', \[(.*)\]\)", source)
    assert {route for route, _ in calls} == {"recommend", "similar", "basket"}
    for route, given in calls:
        known = {p["name"]: p["required"] for p in api["paths"][f"/v1/{route}"]["get"]["parameters"]}
        names = set(re.findall(r"\['(\w+)',", given))
        assert names <= set(known)
        assert {name for name, required in known.items() if required} <= names


def test_events_have_the_fields_of_the_endpoint(source: str, api: dict[str, Any]) -> None:
    """Those that must be there, no other than are known, to the path that takes them."""
    event = api["components"]["schemas"]["Event"]
    assert set(event["required"]) <= posted(source) <= set(event["properties"])
    assert "'/v1/events', { method: 'POST', body: JSON.stringify({ events" in source
    assert api["paths"]["/v1/events"]["post"]["responses"].keys() >= {"202"}
    assert set(api["components"]["schemas"]["Events"]["properties"]) == {"events"}


def test_answers_are_read_by_their_names(source: str) -> None:
    """Rows with what a list has, and the count of what is new; the key in its header; never without an end."""
    (row,) = re.findall(r"interface Row \{(.*?)\}", source)
    assert {field.partition("?")[0].partition(":")[0].strip() for field in row.split(";")} == LISTED
    assert all(
        text in source for text in ("?.rows ?? []", "?.new ?? 0", "AbortSignal.timeout", f"'{HEADER.model.name}': key")
    )


def test_a_plugin_is_small_and_its_files_are_whole() -> None:
    """About 100 lines; brackets close, and the JSON beside them parses."""
    for name in PLUGINS:
        folder = PROJECT / "examples" / f"{name}-plugin"
        texts = [file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.ts"))]
        assert sum(text.count("\n") for text in texts) <= 125
        assert all(text.count(a) == text.count(b) for text in texts for a, b in ("()", "[]", "{}"))
        assert json.loads((folder / "tsconfig.json").read_text(encoding="utf-8"))["compilerOptions"]["strict"]


def test_the_scripts_of_a_real_shop_are_there() -> None:
    """What is copied beside a shop's packages exists, one of them fills it."""
    for name, shop in REAL_SHOPS.items():
        assert f"{name}_shop.js" in shop.scripts
        assert all((SCRIPTS / script).is_file() for script in shop.scripts)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, r"(?s)needs Node.*no program node.*\./nightshift demo"),
        ({"node": "v22.1.0\n"}, "no program npm"),
        ({"node": "v18.20.4\n", "npm": "10.1.0\n"}, r"(?s)too old.*v18\.20\.4.*Node 20"),
    ],
)
def test_without_node_words_say_so(answers: dict[str, str], words: str) -> None:
    """Before anything is installed or started: what is missing, and what to do."""
    with pytest.raises(NightshiftError, match=words):
        need_node(lambda command: answers.get(command[0]))


def test_with_node_it_goes_on() -> None:
    """Node 20 and npm are enough."""
    need_node(lambda command: {"node": "v20.0.0\n", "npm": "10\n"}[command[0]])


def test_node_gets_a_url_that_its_clients_read() -> None:
    """A socket's folder goes, escaped, where the host stands; a host stays as it is."""
    assert (
        for_node("postgresql://postgres:@/shop?host=/tmp/a b/data")
        == "postgresql://postgres@%2Ftmp%2Fa%20b%2Fdata/shop"
    )
    assert (
        for_node("postgresql://u:p%40w@db.example:5433/shop?sslmode=disable")
        == "postgresql://u:p%40w@db.example:5433/shop"
    )
