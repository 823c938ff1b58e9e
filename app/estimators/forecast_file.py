"""The file of a forecast.

File format (JSON):
- ``model`` (bg_nbd, mbg_nbd or pareto_nbd) and its four ``parameters``, in days;
- ``value``: p, q and v of Gamma-Gamma, null where no money is known; ``value_of`` says whether its average is
  that of all orders or of repeat orders; ``value_level`` multiplies it;
- ``clock``: the model's days after 0, 1, … steps of equal length within a year;
- ``columns``: the positions of the four inputs in X, and ``names``, what they are called; ``reference``: the
  customer that reasons and weights compare with; ``longest_days`` ends what inputs may be;
- ``horizon_days``: the horizon where none is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.estimators.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Transactions
from app.estimators.forecast import INPUTS, Forecast

MODELS: Final[Mapping[str, Callable[..., Transactions]]] = {
    "bg_nbd": BgNbd,
    "mbg_nbd": MbgNbd,
    "pareto_nbd": ParetoNbd,
}
FORECAST_FIELDS: Final = frozenset(
    {
        "model",
        "parameters",
        "value",
        "value_of",
        "value_level",
        "clock",
        "horizon_days",
        "columns",
        "names",
        "reference",
        "longest_days",
    }
)


def read_forecast(content: bytes) -> Forecast:
    """Parse the file format of this module.

    Raises
    ------
    StructureError
        The bytes are not such a forecast.
    """
    try:
        document = json.loads(content)
        value = document["value"]
        forecast = Forecast(
            transactions=MODELS[document["model"]](*map(float, document["parameters"])),
            value=None if value is None else GammaGamma(*map(float, value)),
            value_of="repeat" if document["value_of"] == "repeat" else "all",
            value_level=float(document["value_level"]),
            clock=np.array(document["clock"], dtype=np.float64),
            horizon_days=int(document["horizon_days"]),
            columns=_four(document["columns"], int),
            names=_four(document["names"], str),
            reference=_four(document["reference"], float),
            longest_days=float(document["longest_days"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StructureError("a forecast does not have its fields") from error
    forecast.clock.flags.writeable = False
    return forecast


def _four(values: Any, kind: type) -> Any:
    """Return four values of a kind."""
    if not isinstance(values, list) or len(values) != INPUTS:
        raise ValueError("four values were expected")
    return tuple(kind(value) for value in values)


def write_forecast(forecast: Forecast) -> bytes:
    """Return the file of a forecast."""
    name = next(name for name, kind in MODELS.items() if type(forecast.transactions) is kind)
    document = {
        "model": name,
        "parameters": _numbers(forecast.transactions),
        "value": None if forecast.value is None else _numbers(forecast.value),
        "value_of": forecast.value_of,
        "value_level": forecast.value_level,
        "clock": forecast.clock.tolist(),
        "horizon_days": forecast.horizon_days,
        "columns": list(forecast.columns),
        "names": list(forecast.names),
        "reference": list(forecast.reference),
        "longest_days": forecast.longest_days,
    }
    return json.dumps(document, allow_nan=False).encode()


def _numbers(parameters: Transactions | GammaGamma) -> list[float]:
    """Return the parameters in the order of their definition."""
    return [float(getattr(parameters, field.name)) for field in fields(parameters)]
