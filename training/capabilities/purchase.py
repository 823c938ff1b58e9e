"""Training purchase: whether and when customers order next.

The probability is churn's by inactivity, turned around, of everybody who ever bought; see
:mod:`training.purchasing`. The window of the next order comes from the forecast, at the levels that held-out
buyers demanded.
"""

from __future__ import annotations

from typing import Any

from app.artifacts.manifest import Label, ManifestDraft, Text, Variant
from app.capabilities.purchase import WINDOW_LEVELS
from app.domain.clock import local_day
from app.estimators.forecast_file import write_forecast
from training.purchase_days import PurchaseDays, purchase_days
from training.purchasing import Learned, buyers_objective, ground_of, learn_purchases, told_settings
from training.ranges import Window, window_of
from training.run import Run, Trained
from training.value_report import purchase_card, purchase_plots
from training.value_text import markdown
from training.variant_entry import variant_entry
from training.variants import file_name


def train_purchase(run: Run) -> Trained:
    """Train purchase for one business.

    Raises
    ------
    TableError
        There are no orders, nobody has bought early enough, or everybody did the same.
    PublicationError
        A tripwire caught a leak.
    """
    horizon = run.business.objectives.purchase_horizon_days
    objective = buyers_objective(run, horizon)
    learned = learn_purchases(run, horizon, capability="purchase")
    days = purchase_days(run.history, run.as_of, run.business.consent_defaults)
    windows = {name: _window(run, one, name, days, horizon) for name, one in learned.items()}
    files: dict[str, bytes] = {}
    entries = []
    for name, one in learned.items():
        files |= one.fitted.files
        forecast = None
        if one.fitted.stand is not None:
            forecast = file_name(name, "forecast")
            files[forecast] = write_forecast(one.fitted.stand.forecast)
        entries.append(_entry(run, one, windows[name], forecast))
    draft = ManifestDraft(
        capability="purchase",
        business=run.entry,
        label=_label(horizon),
        settings={
            "gone_after_days": objective.gone_after_days,
            **told_settings(learned["full"].learned_days, learned["full"].outlook, "no_order"),
        },
        variants=tuple(entries),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    card = purchase_card(draft, learned, windows, run.tables)
    plots = purchase_plots(learned, days, horizon, simulated=run.business.simulated)
    return Trained(
        draft,
        files,
        {name: one.fitted.data.features for name, one in learned.items()},
        card,
        markdown(card, tuple(sorted(plots))),
        plots,
    )


def _window(run: Run, learned: Learned, variant: str, days: PurchaseDays, horizon: int) -> Window:
    """Return the levels of the window of the next order, for a variant."""
    cut = ground_of(run, horizon).examples[variant].cut
    return window_of(learned.fitted, days, local_day(cut, run.business.timezone))


def _entry(run: Run, learned: Learned, window: Window, forecast: str | None) -> Variant:
    """Return the manifest's entry of a variant, with the window's levels and the forecast."""
    entry = variant_entry(learned.fitted, learned.X, learned.population, run.attribute_labels, lambda _: {})
    levels: dict[str, Any] = {"window_levels": list(window.levels or WINDOW_LEVELS)}
    return entry.model_copy(update={"settings": levels, "forecast": forecast})


def _label(days: int) -> Label:
    return Label(
        definition="purchase",
        horizon_days=days,
        text=Text(en=f"at least one order within {days} days", zh_cn=f"{days} 天内至少下单一次"),
    )
