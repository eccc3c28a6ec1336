"""The statistics of the method: what the student shares with its teacher beyond its controls.

A procedure takes a `Sample` and gives one `Evidence`. None resamples, so none needs a generator.
"""

from __future__ import annotations

from collections.abc import Callable

from kdaudit.stats.attribution import atd, did
from kdaudit.stats.knowledge import kappa_R, kappa_W, net_harm, rrr
from kdaudit.stats.sample import Sample
from kdaudit.stats.shared import error_consistency, information
from kdaudit.stats.tilt import tilt
from kdaudit.stats.transfer import transfer
from kdaudit.types import Evidence

PROCEDURES: dict[str, Callable[[Sample], Evidence]] = {
    "kappa_W": kappa_W,
    "kappa_R": kappa_R,
    "rrr": rrr,
    "net_harm_per_1000": net_harm,
    "did": did,
    "atd": atd,
    "tilt": tilt,
    "information": information,
    "error_consistency": error_consistency,
    "transfer.activation": transfer("activation"),
    "transfer.js": transfer("js"),
    "transfer.rank": transfer("rank"),
    "transfer.prediction": transfer("prediction"),
}
