"""A release without models, a scorer that knows every answer, and a service around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.artifacts.manifest import (
    Baseline,
    BusinessEntry,
    EstimatorEntry,
    FeatureEntry,
    Interval,
    Label,
    Manifest,
    Population,
    Text,
    Variant,
)
from app.domain.clock import from_microseconds
from app.domain.history import Array, History
from app.serving.model_store import Refusal, StoreStatus
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.score import Ask

NOW = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
KEY = b"k" * 32
DIGEST = "d" * 64


def manifest() -> Manifest:
    """Return the manifest of a churn model with three declared attributes."""
    kinds = {"plan": "category", "newsletter": "flag", "household_size": "number"}
    features = tuple(
        FeatureEntry.model_validate(
            {
                "name": f"attribute.{name}",
                "version": 1,
                "kind": kind,
                "unit": "word" if kind == "category" else "number",
                "table": "customers",
                "vocabulary": ("family", "member") if kind == "category" else (),
                "label": {"en": name, "zh-CN": f"属性 {name}"},
            }
        )
        for name, kind in kinds.items()
    )
    population = Population(
        name="repeat",
        tier="rules",
        grade="B",
        estimator=EstimatorEntry(kind="rates", file="repeat.json"),
        baseline=Baseline(name="base rate", metric="log_loss", value=0.6, model_value=0.5),
        metrics={"auc": Interval(value=0.8, low=0.75, high=0.85)},
        counts={"customers": 1000},
        thresholds={"yellow": 0.3, "red": 0.6},
        reference=(0.0, 0.5, 1.0),
    )
    variant = Variant(name="full", features=features, schema_hash="a" * 64, populations=(population,))
    return Manifest(
        capability="churn",
        version="20261031-0123abcd",
        business=BusinessEntry(
            name="simulated-shop",
            currency="CNY",
            timezone="Asia/Shanghai",
            consent_defaults={"profiling": "granted"},
            simulated=True,
        ),
        label=Label(
            definition="inactivity",
            horizon_days=90,
            text=Text.model_validate({"en": "no order in 90 days", "zh-CN": "90 天内无订单"}),
        ),
        variants=(variant,),
        golden="golden.json",
        trained_as_of="2026-10-31T00:00:00+08:00",
        data_fingerprint="b" * 64,
        seed=7,
        git_commit="unknown",
        libraries={},
        files={},
    )


def release(name: str = "20261031T000000Z-0123abcd") -> LoadedRelease:
    """Return a release with one artifact that holds no models: the scorer here needs none."""
    held = manifest()
    artifact = LoadedArtifact(
        manifest=held,
        models=MappingProxyType({}),
        card=b'{"goal": "find customers about to leave"}',
        card_markdown="# Churn · 流失\n".encode(),
    )
    return LoadedRelease(
        name=name,
        created_at="2026-10-31T00:00:00Z",
        business=held.business,
        artifacts=MappingProxyType({"churn": artifact}),
        digest=DIGEST,
    )


@dataclass
class FakeStore:
    """A store whose release and refusal the test sets."""

    current: LoadedRelease | None = field(default_factory=release)
    refused: Refusal | None = None
    refused_count: int = 0
    refreshes: int = 0

    def status(self) -> StoreStatus:
        return StoreStatus(
            release=None if self.current is None else self.current.name,
            activated_at=None if self.current is None else NOW,
            artifacts={}
            if self.current is None
            else {name: held.manifest.version for name, held in self.current.artifacts.items()},
            refused=self.refused,
        )

    async def refresh(self) -> bool:
        self.refreshes += 1
        return False


@dataclass
class FakeScorer:
    """A scorer in the contract's form: what it answers, and on which customer it breaks."""

    probability: float = 0.25
    breaks_on: str | None = None
    error: Exception = field(default_factory=lambda: ZeroDivisionError("division by CANARY-MESSAGE"))
    calls: list[tuple[int, Ask]] = field(default_factory=list)

    def __call__(self, held: LoadedRelease, history: History, as_of: Array, ask: Ask) -> list[dict[str, Any]]:
        self.calls.append((history.size, ask))
        if self.breaks_on in history.customer_ids:
            raise self.error
        return [self._answer(held, history, int(as_of[i]), ask, i) for i in range(history.size)]

    def _answer(self, held: LoadedRelease, history: History, as_of: int, ask: Ask, i: int) -> dict[str, Any]:
        silent = {
            "eligible": False,
            "ineligible_reason": "no_model",
            "data_sufficiency": "insufficient",
            "missing": [],
            "model": None,
        }
        churn = {
            "eligible": True,
            "data_sufficiency": "full",
            "missing": [],
            "model": {
                "capability": "churn",
                "version": "20261031-0123abcd",
                "tier": "rules",
                "grade": "B",
                "baseline": {"name": "base rate", "metric": "log_loss", "value": 0.6, "model_value": 0.5},
                "population": "repeat",
                "trained_as_of": "2026-10-31T00:00:00+08:00",
            },
            "probability": self.probability,
            "percentile": 0.5,
            "risk_level": "green",
            "horizon_days": 90,
        }
        return {
            "customer_id": history.customer_ids[i],
            "as_of": from_microseconds(as_of, held.business.timezone).isoformat(),
            "release": held.name,
            "personalised": True,
            "locale": ask.locale,
            "warnings": [],
            **{name: dict(churn) if name in held.artifacts else dict(silent) for name in ask.want},
        }


@dataclass
class Service:
    """An application, a client of it, and all that it was given."""

    app: FastAPI
    client: TestClient
    store: FakeStore
    scorer: FakeScorer
    lines: list[str]


Start = Callable[..., Service]
