"""The manifest: everything that an artifact says about itself.

Format version 1. A reader refuses another version. Fields may be added in a minor release of the format;
none is ever given a new meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.features.schema import Feature, FeatureSet

FORMAT_VERSION: Final = 1
MANIFEST_NAME: Final = "manifest.json"
CARD_NAME: Final = "card.json"
CARD_MARKDOWN_NAME: Final = "card.md"
"""The model card, in the two forms that every artifact carries."""
RELEASE_NAME: Final = "release.json"
RELEASES_FOLDER: Final = "releases"

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
FILE_PATTERN: Final = r"^[a-z0-9][a-z0-9_.-]{0,95}$"
VERSION_PATTERN: Final = r"^[0-9]{8}-[0-9a-f]{8}$"
RELEASE_PATTERN: Final = r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"

Tier = Literal["rules", "statistical", "ml", "causal"]
Grade = Literal["A", "B", "C"]
TIERS: Final[tuple[Tier, ...]] = ("rules", "statistical", "ml", "causal")

Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
FileName = Annotated[str, Field(pattern=FILE_PATTERN)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class _Part(BaseModel):
    """A part of the manifest: strict, closed, immutable, without NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Text(_Part):
    """A sentence in both languages."""

    en: str
    zh_cn: str = Field(alias="zh-CN")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class FileEntry(_Part):
    """Size and digest of one file, so that its bytes can be checked before they are parsed."""

    size: int = Field(ge=0)
    sha256: Sha256


class BusinessEntry(_Part):
    """What the service must know of the business that a model was trained for."""

    name: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    timezone: str
    consent_defaults: dict[str, Literal["granted", "denied"]]
    simulated: bool = False
    attributes: dict[str, Literal["numeric", "boolean", "categorical"]] = Field(default_factory=dict)
    """Every declared attribute, also one that no model reads: a caller may send it."""


class FeatureEntry(_Part):
    """One input: which definition, and for a category the words that the model knows, in order.

    ``label`` is set for declared attributes only; library features have sentences in the text catalogues.
    """

    name: str
    version: int
    kind: Literal["number", "flag", "category"]
    unit: str
    low: float | None = None
    high: float | None = None
    table: str = "orders"
    vocabulary: tuple[str, ...] = ()
    label: Text | None = None


class Interval(_Part):
    """A metric with its interval, at the level that the evaluation states."""

    value: float
    low: float
    high: float


class Baseline(_Part):
    """The named simple rule, its value of the metric, and the model's on the same rows."""

    name: str
    metric: str
    value: float
    model_value: float


class ForecastEntry(_Part):
    """The forecast that trees adjust: its file, what it is asked for, and how it weighs distances.

    ``weight`` scales how far a customer is from the forecast's customer of reference.
    """

    file: FileName
    quantity: Literal["no_order", "spend"]
    weight: float = 1.0


class EstimatorEntry(_Part):
    """Where a fitted model is, and the affine calibration on its link scale.

    A ``btyd`` is asked for a ``quantity``; its ``slope`` scales how far a customer is from the customer of
    reference. Trees may stand on a ``forecast``: then ``slope`` is the trees' own weight beside it, and
    ``intercept`` is added to both.
    """

    kind: Literal["rates", "linear", "trees", "btyd"]
    file: FileName
    intercept: float = 0.0
    slope: float = 1.0
    quantity: Literal["no_order", "spend"] | None = None
    forecast: ForecastEntry | None = None


class Elsewhere(_Part):
    """What answers for another horizon than the trained one; its quality is told for the trained one."""

    tier: Tier
    grade: Grade
    estimator: EstimatorEntry
    baseline: Baseline


class Population(_Part):
    """Who one rung of the ladder answers for, how, and how well.

    ``reference`` holds the answer's quantiles in the eligible reference population at equal steps from 0 to
    1; percentiles are read from it. ``thresholds`` are cut points of the answer (churn: yellow, red). Without
    an ``estimator`` the capability answers from its settings.
    """

    name: Name
    tier: Tier
    grade: Grade
    estimator: EstimatorEntry | None
    baseline: Baseline
    metrics: dict[str, Interval]
    counts: dict[str, int]
    thresholds: dict[str, float] = Field(default_factory=dict)
    reference: tuple[float, ...] = ()
    elsewhere: Elsewhere | None = None


class Histogram(_Part):
    """The reference distribution of one feature, for drift: shares of the bins, and of missing."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    missing: float


class Variant(_Part):
    """A model for one form of input: the full history, or a summary of it.

    ``settings`` are the numbers of this form that predict needs beyond the estimators; they join those of
    the manifest. ``forecast`` is the file of the model of purchases, where the capability tells more of it
    than the populations' estimators do. A capability that scores nobody has no population.
    """

    name: Name
    features: tuple[FeatureEntry, ...]
    schema_hash: Sha256
    populations: tuple[Population, ...]
    settings: dict[str, Any] = Field(default_factory=dict)
    forecast: FileName | None = None
    reference_histograms: dict[str, Histogram] = Field(default_factory=dict)

    def feature_set(self) -> FeatureSet:
        """Return the inputs in the form that builds X."""
        features = tuple(
            Feature(
                entry.name,
                entry.unit,
                float("-inf") if entry.low is None else entry.low,
                float("inf") if entry.high is None else entry.high,
                entry.version,
                entry.kind,
                entry.table,
            )
            for entry in self.features
        )
        words = {entry.name: entry.vocabulary for entry in self.features if entry.kind == "category"}
        return FeatureSet(features, words)


class ItemFiles(_Part):
    """Where a ranker finds its catalogue, the links and pairs of products, and the trees that rank again."""

    items: FileName
    links: FileName
    pairs: FileName
    reranker: FileName | None = None


class Label(_Part):
    """What the model predicts: the definition, over which horizon, in words."""

    definition: str
    horizon_days: int | None = None
    text: Text


class ManifestDraft(_Part):
    """What training knows of an artifact before its bytes are written: all but the version and the files."""

    format_version: Literal[1] = 1
    capability: Name
    business: BusinessEntry
    label: Label
    settings: dict[str, Any] = Field(default_factory=dict)
    """Numbers that the capability's predict needs beyond the estimators, e.g. churn's gone_after_days."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    text_model: FileName | None = None
    """The model that reads texts: what a text scorer answers from, and what features of texts are told by."""
    items: ItemFiles | None = None
    """What a ranker answers from."""
    golden: FileName
    trained_as_of: str
    data_fingerprint: Sha256
    seed: int
    git_commit: str
    libraries: dict[str, str]
    """Names and versions of the libraries that the model was trained with."""

    def variant(self, name: str) -> Variant | None:
        """Return a variant by name, or None."""
        return next((variant for variant in self.variants if variant.name == name), None)


class Manifest(ManifestDraft):
    """Everything that an artifact says about itself. Written once, never changed."""

    version: str = Field(pattern=VERSION_PATTERN)
    files: dict[FileName, FileEntry]


class ReleaseEntry(_Part):
    """One artifact of a release."""

    version: str = Field(pattern=VERSION_PATTERN)
    manifest_sha256: Sha256


class Release(_Part):
    """A named set of artifact versions that answer together.

    ``previous`` names the release that was active when this one was published: what rollback goes back to.
    """

    format_version: Literal[1] = 1
    name: str = Field(pattern=RELEASE_PATTERN)
    created_at: str
    previous: str | None = Field(default=None, pattern=RELEASE_PATTERN)
    artifacts: dict[Name, ReleaseEntry] = Field(min_length=1)
