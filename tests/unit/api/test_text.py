from __future__ import annotations

import json
import time
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from app.api.examples import TEXT_EXAMPLES, TEXTS, TEXTS_ZH
from app.api.schemas.answers import Problem
from app.api.schemas.text import CHARACTER_LIMIT, TEXT_LIMIT, TextAnswers
from app.api.telemetry import JsonLines
from app.api.text import BODY_BYTES, INLINE_BYTES
from app.serving.release import LoadedArtifact
from tests.unit.api.fakes import FakeStore, Service, Start, release
from tests.unit.capabilities.readers import reader

Body = dict[str, Any]
PATH = "/v1/text/sentiment"
CANARY = "canary.jane@mail.example"


def store(*, is_published: bool = True) -> FakeStore:
    held = release()
    if not is_published:
        return FakeStore(held)
    manifest = held.artifacts["churn"].manifest.model_copy(update={"capability": "sentiment"})
    artifact = LoadedArtifact(manifest, MappingProxyType({}), b"{}", b"", reader())
    return FakeStore(replace(held, artifacts={**held.artifacts, "sentiment": artifact}))


@pytest.fixture
def service(start: Start) -> Service:
    return start(store())


def ask(service: Service, body: object, status: int = 200, **headers: str) -> Body:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = service.client.post(
        PATH, content=content, headers={"Content-Type": "application/json", **headers}
    )
    assert response.status_code == status, response.text
    assert response.headers["cache-control"] == "no-store"
    told: Body = response.json()
    (TextAnswers if status == 200 else Problem).model_validate(told)
    return told


def faults(told: Body) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


def only(*texts: Any) -> Body:
    return {"texts": [{"text": text} for text in texts]}


@pytest.mark.parametrize("name", TEXT_EXAMPLES)
def test_example_gets_an_answer_in_the_contract_form(service: Service, name: str) -> None:
    body = TEXT_EXAMPLES[name][1]
    told = ask(service, body)
    assert [result["id"] for result in told["results"]] == [item["id"] for item in body["texts"]]
    assert told["model"]["capability"] == "sentiment"
    assert told["warnings"] == []


def test_locale_and_offsets_are_those_asked_for(service: Service) -> None:
    told = ask(service, TEXTS_ZH)
    assert told["locale"] == "zh-CN"
    for item, result in zip(TEXTS_ZH["texts"], told["results"], strict=True):
        units = item["text"].encode("utf-16-le")
        assert result["aspects"]
        for found in result["aspects"]:
            clause = units[2 * found["start"] : 2 * found["end"]].decode("utf-16-le")
            assert clause
            assert clause in item["text"]
    assert told["results"][0]["aspects"][0]["label"] == "配送与包装"


def mixed(count: int) -> list[str]:
    """Return texts in both languages with emoji, surrogate pairs, combining marks and full-width forms."""
    kinds = (
        "😡😡 Delivery was late {k}, but the price is great 👍🏽",
        "👨\u200d👩\u200d👧 物流快{k}，但是质量差",
        "ｄｅｌｉｖｅｒｙ　slow {k}. e\u0301e\u0301 staff friendly",
        "這個 app 很好 {k}，price 貴了 𝒜",
        "ok {k}",
        "",
        "Доставка {k}",
        "\u0000\u0007",
    )
    return [kinds[k % len(kinds)].format(k=k) for k in range(count)]


def test_hundred_mixed_texts_are_read_and_spans_point_at_the_right_characters(service: Service) -> None:
    texts = mixed(TEXT_LIMIT)
    began = time.process_time()
    told = ask(service, only(*texts))
    assert time.process_time() - began < 2.0
    assert len(told["results"]) == TEXT_LIMIT
    clauses = {
        text[found["start"] : found["end"]]
        for text, result in zip(texts, told["results"], strict=True)
        for found in result["aspects"]
    }
    assert {
        "Delivery was late 0",
        "the price is great 👍🏽",
        "物流快1",
        "质量差",
        "ｄｅｌｉｖｅｒｙ　slow 2",
        "e\u0301e\u0301 staff friendly",
        "這個 app 很好 3",
        "price 貴了 𝒜",
    } <= clauses
    assert {result["language"] for result in told["results"]} == {"en", "zh", "mixed", "unknown"}


def test_small_and_large_bodies_get_the_same_answer(service: Service) -> None:
    alone = [ask(service, only(text))["results"][0] for text in mixed(8)]
    body = only(*mixed(8), *["ok"] * 90)
    assert len(json.dumps(body)) > INLINE_BYTES
    assert ask(service, body)["results"][:8] == alone


@pytest.mark.parametrize("text", ["", "   ", "\u0000\u0001", "\u200b"])
def test_nothing_to_read_is_an_answer(service: Service, text: str) -> None:
    (result,) = ask(service, only(text))["results"]
    assert result["abstained"] is True
    assert result["abstained_reason"] == "no_text"
    assert result["label"] is None


def test_without_a_published_model_texts_say_so(start: Start) -> None:
    told = ask(start(store(is_published=False)), TEXTS)
    assert told["model"] is None
    assert {result["abstained_reason"] for result in told["results"]} == {"no_model"}


def test_without_a_release_there_is_the_problem_that_scores_have(start: Start) -> None:
    service = start(FakeStore(current=None))
    told = ask(service, TEXTS, 503)
    assert told["type"] == "urn:kith:problem:no_release"
    response = service.client.post(PATH, json=TEXTS)
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/texts", "required")]),
        ({"texts": []}, [("/texts", "wrong_count")]),
        ({"texts": None}, [("/texts", "wrong_type")]),
        ({"texts": "good"}, [("/texts", "wrong_type")]),
        ({"texts": ["good"]}, [("/texts/0", "wrong_type")]),
        (only(*["a"] * (TEXT_LIMIT + 1)), [("/texts", "wrong_count")]),
        (only("a", "b", "c", "d" * (CHARACTER_LIMIT + 1)), [("/texts/3/text", "wrong_length")]),
        (only("a", 5), [("/texts/1/text", "wrong_type")]),
        (only("a", None), [("/texts/1/text", "wrong_type")]),
        ({"texts": [{"id": "a"}]}, [("/texts/0/text", "required")]),
        ({"texts": [{"id": "", "text": "a"}]}, [("/texts/0/id", "wrong_length")]),
        ({"texts": [{"language": "english please", "text": "a"}]}, [("/texts/0/language", "wrong_format")]),
        ({**only("a"), "locale": "fr"}, [("/locale", "not_allowed")]),
        ({**only("a"), "offsets": "bytes"}, [("/offsets", "not_allowed")]),
        ({**only("a"), "aspects": "yes"}, [("/aspects", "wrong_type")]),
        ({**only("a"), "aspect": True}, [("", "misspelt_field")]),
        ({**only("a"), "zzzzz": True}, [("", "unknown_field")]),
        ({"texts": [{"text": "a", "langauge": "en"}]}, [("/texts/0", "misspelt_field")]),
        ([], [("", "wrong_type")]),
    ],
)
def test_wrong_body_is_told_by_pointers(service: Service, body: object, expected: list[Any]) -> None:
    assert faults(ask(service, body, 422)) == expected


def test_longest_text_is_taken_and_counted_in_code_points(service: Service) -> None:
    (result,) = ask(service, only("😡" * CHARACTER_LIMIT))["results"]
    assert result["label"] == "negative"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'{"texts":[{"text":"ok"},{"text":"a \ud83d b"}]}', [("/texts/1/text", "lone_surrogate")]),
        (b'{"texts":[{"text":"\xed\xa0\x80"}]}', [("/texts/0/text", "lone_surrogate")]),
        (rb'{"texts":[{"text":"\udc00"}]}', [("/texts/0/text", "lone_surrogate")]),
        (rb'{"texts":[{"id":"\ud800","text":"ok"}]}', [("/texts/0/id", "lone_surrogate")]),
        (rb'{"texts":[{"text":"ok"}],"loc\ud800ale":"en"}', [("", "lone_surrogate")]),
        (
            rb'{"texts":[{"text":"\ud800"},{"text":"\ud800"}]}',
            [("/texts/0/text", "lone_surrogate"), ("/texts/1/text", "lone_surrogate")],
        ),
    ],
)
def test_half_characters_are_told_by_their_place(service: Service, body: bytes, expected: list[Any]) -> None:
    assert faults(ask(service, body, 422)) == expected


def test_whole_surrogate_pairs_are_read(service: Service) -> None:
    assert ask(service, rb'{"texts":[{"text":"\ud83d\ude21"}]}')["results"][0]["label"] == "negative"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"good",
        b'{"texts":[{"text":"\xff"}]}',
        b'{"texts":[{"text":"a\nb"}]}',
        b"[" * 99_999,
    ],
)
def test_what_is_not_json_is_refused(service: Service, body: bytes) -> None:
    told = ask(service, body, 400)
    assert told["type"] == "urn:kith:problem:invalid_json"


@pytest.mark.parametrize("half", [b"", rb"\ud800"])
def test_depth_of_a_body_is_no_failure(service: Service, half: bytes) -> None:
    for depth in (100, *range(900, 1001), 5000):
        body = b'{"texts":' + b"[" * depth + b'"' + half + b'"' + b"]" * depth + b"}"
        response = service.client.post(PATH, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in {400, 422}, depth


@pytest.mark.parametrize(
    "body",
    [
        b'{"texts":[{"text":"a","text":"b"}]}',
        b'{"texts":[{"text":"a"}],"texts":[{"text":"b"}]}',
        b'{"texts" : [{"text" :"a", "text": "b"}]}',
    ],
)
def test_key_that_stands_twice_is_refused(service: Service, body: bytes) -> None:
    assert faults(ask(service, body, 422)) == [("", "repeated_key")]


def test_text_that_looks_like_json_is_a_text(service: Service) -> None:
    assert ask(service, only('{"a":1,"a":2} good'))["results"][0]["label"] == "positive"


@pytest.mark.parametrize("is_escaped", [False, True])
def test_as_many_and_as_long_texts_as_are_promised_are_read(service: Service, is_escaped: bool) -> None:
    body = {**only(*["好快" * (CHARACTER_LIMIT // 2)] * TEXT_LIMIT), "aspects": False}
    told = ask(service, json.dumps(body, ensure_ascii=is_escaped).encode())
    assert [result["label"] for result in told["results"]] == ["positive"] * TEXT_LIMIT


def test_too_large_a_body_is_refused(service: Service) -> None:
    told = ask(service, b" " * (BODY_BYTES + 1), 413)
    assert told["type"] == "urn:kith:problem:too_large"


def test_only_post_is_taken(service: Service) -> None:
    response = service.client.get(PATH)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


def test_problems_speak_the_language_of_the_caller(service: Service) -> None:
    told = ask(service, {"texts": []}, 422, **{"Accept-Language": "zh-CN"})
    assert told["title"] != ask(service, {"texts": []}, 422)["title"]


def test_failure_of_the_model_is_a_problem_without_a_word(
    start: Start, caplog_kith: pytest.LogCaptureFixture
) -> None:
    held = store()
    assert held.current is not None
    broken = replace(held.current.artifacts["sentiment"], text_model=cast("Any", object()))
    held.current = replace(held.current, artifacts={"sentiment": broken})
    service = start(held)
    told = ask_raw(service, only(CANARY))
    assert told.status_code == 500
    silent(service, told.text, caplog_kith)


def ask_raw(service: Service, body: object) -> Any:
    return service.client.post(PATH, json=body)


def silent(service: Service, text: str, caplog: pytest.LogCaptureFixture) -> None:
    for place in (
        text,
        "".join(service.lines),
        "".join(JsonLines().format(record) for record in caplog.records),
        service.client.get("/metrics").text,
    ):
        assert CANARY not in place


@pytest.mark.parametrize(
    "body",
    [
        only(CANARY * 400),
        {"texts": [{"text": CANARY, CANARY: 1}]},
        {CANARY: CANARY},
        {**only("a"), "locale": CANARY},
        {"texts": [{"text": "a", "language": CANARY}]},
        {"texts": [{"text": [CANARY]}]},
        {"texts": CANARY},
    ],
)
def test_refusals_repeat_nothing(
    service: Service, caplog_kith: pytest.LogCaptureFixture, body: object
) -> None:
    response = ask_raw(service, body)
    assert response.status_code == 422
    silent(service, response.text, caplog_kith)


def test_texts_are_counted_and_never_logged(service: Service, caplog_kith: pytest.LogCaptureFixture) -> None:
    ask(service, only("great " + CANARY, "awful", "", "Доставка"))
    silent(service, "", caplog_kith)
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(service.client.get("/metrics").text)
        for sample in family.samples
    }
    labels = (("capability", "sentiment"), ("grade", "B"), ("tier", "rules"))
    assert samples["kith_scores_total", labels] == 2
    for reason in ("no_text", "language_not_supported"):
        labels_of = (("capability", "sentiment"), ("reason", reason))
        assert samples["kith_abstentions_total", labels_of] == 1
    route = next(json.loads(line)["route"] for line in service.lines if "POST" in line)
    assert route == PATH


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def test_no_body_breaks_the_service(service: Service) -> None:
    @settings(max_examples=60)
    @given(
        st.fixed_dictionaries(
            {
                "texts": st.lists(st.fixed_dictionaries({"text": st.text(max_size=30)}) | JSON, max_size=4)
                | JSON
            },
            optional={"locale": JSON, "offsets": st.sampled_from(["utf16", "codepoint"]) | JSON},
        )
    )
    def sent(body: Body) -> None:
        content = json.dumps(body).encode("utf-8", "surrogatepass")
        response = service.client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code in {200, 400, 422}, response.text

    sent()
