"""What the samples say: medians with their quartiles, and ratios round by round."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from rounds import Samples

# The lower quartile, the median and the upper quartile.
Quartiles = list[float]


class Figure(TypedDict):
    """Of one contender in one case, by measure."""

    # How many samples there are.
    n: int
    own: dict[str, Quartiles]
    # Times the base's, which is addepar-portal where it takes part, compared in the same round.
    against: dict[str, Quartiles]


# By case, then by contender.
Figures = dict[str, dict[str, Figure]]


def quartiles(values: list[float]) -> Quartiles:
    """To four digits: more would be noise."""
    found = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return [float(f"{value:.4g}") for value in found]


def figures(samples: Samples, base: str) -> dict[str, Figure]:
    result: dict[str, Figure] = {}
    for name, sample in samples.items():
        own, against = {}, {}
        for measure, values in sample.items():
            own[measure] = quartiles(values)
            pairs = list(zip(values, samples[base].get(measure, ()), strict=False))
            if ratios := [value / ours for value, ours in pairs if ours > 0]:
                against[measure] = quartiles(ratios)
        result[name] = {"n": max(map(len, sample.values())), "own": own, "against": against}
    return result
