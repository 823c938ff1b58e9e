"""``/docs``: the OpenAPI document as one page that needs nothing from elsewhere, and calls to copy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a6}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1.5rem}
h1{margin:0 0 .3rem}h2{margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line)}h3{margin:1.6rem 0 .3rem}
code,pre{font:13.5px/1.45 ui-monospace,monospace}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.7rem;overflow:auto}
.verb{color:#fff;background:var(--accent);border-radius:4px;padding:.05rem .4rem;font:600 13px monospace}
table{border-collapse:collapse;width:100%;margin:.4rem 0;font-size:14.5px}
td,th{border-top:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
details{margin:.35rem 0}summary{cursor:pointer}button{float:right;font-size:12px}
nav a{margin-right:1rem}
"""
SCRIPT: Final = """
for (const button of document.querySelectorAll("button[data-copy]"))
  button.addEventListener("click", () =>
    navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent)
      .then(() => { button.textContent = "copied"; }));
const here = location.origin;
for (const call of document.querySelectorAll("pre.call"))
  call.textContent = call.textContent.replace("http://127.0.0.1:8000", here);
"""


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_digest(STYLE)}'; script-src 'sha256-{_digest(SCRIPT)}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its own style and script by digest, and nothing from anywhere."""


def docs_page(document: Mapping[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    info = document["info"]
    paragraphs = "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>{paragraphs}"
        '<nav><a href="/openapi.json">openapi.json</a><a href="#schemas">schemas</a>'
        '<a href="/v1/definitions">definitions</a><a href="/v1/models">models</a></nav>'
        f'{"".join(_operations(document))}<h2 id="schemas">Schemas</h2>{"".join(_schemas(document))}'
        f"<script>{SCRIPT}</script></body></html>"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['description'])}</h2>"
        for path, item in document["paths"].items():
            for verb, operation in item.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(path, verb, operation)


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> Iterator[str]:
    name = operation["operationId"]
    yield (
        f'<h3 id="{name}"><span class="verb">{verb.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation['summary'])}</h3><p>{_prose(operation['description'])}</p>"
    )
    for parameter in operation.get("parameters", ()):
        meaning = _prose(parameter["description"])
        yield f"<p><code>{escape(parameter['name'])}</code> ({parameter['in']}): {meaning}</p>"
    body = operation.get("requestBody")
    if body is None:
        address = path
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                address = address.replace(f"{{{parameter['name']}}}", parameter["example"])
        method = "" if verb == "get" else f"-X {verb.upper()} "
        yield _copied(f"curl -sS {method}'http://127.0.0.1:8000{address}'")
    else:
        content = body["content"]["application/json"]
        yield f"<p>Body: {_type(content['schema'])}</p>"
        for example in content["examples"].values():
            call = _copied(_call(path, example["value"]))
            yield f"<details><summary>{escape(example['summary'])}</summary>{call}</details>"
    yield "<table><tr><th>Status</th><th>Answer</th></tr>"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(_type(held["schema"]) for held in answer.get("content", {}).values())
        yield f"<tr><td>{status}</td><td>{escape(answer['description'])} {kinds}</td></tr>"
    yield "</table>"


def _call(path: str, value: Mapping[str, Any]) -> str:
    """Return an example as a call for a POSIX shell; a quote ends, escapes and begins the string anew."""
    content = json.dumps(value, ensure_ascii=False, indent=1).replace("'", "'\\''")
    return (
        f"curl -sS 'http://127.0.0.1:8000{path}' \\\n -H 'Content-Type: application/json' \\\n -d '{content}'"
    )


def _copied(call: str) -> str:
    text = escape(call, quote=False)
    return f'<div><button data-copy type="button">copy</button><pre class="call">{text}</pre></div>'


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>'
        yield f"<p>{_prose(schema.get('description', ''))}</p><table>"
        required = schema.get("required", ())
        for field, inner in schema.get("properties", {}).items():
            mark = " (required)" if field in required else ""
            yield (
                f"<tr><td><code>{escape(field)}</code>{mark}</td><td>{_type(inner)}</td>"
                f"<td>{_prose(inner.get('description', ''))}</td></tr>"
            )
        yield "</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a schema in a few words, with links to other schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(
            f"<code>{escape(str(word))}</code>" for word in schema.get("enum", [schema.get("const")])
        )
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return escape(schema.get("format", kind))


def _prose(text: str) -> str:
    """Return a description as HTML: what stands between backticks is code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))
