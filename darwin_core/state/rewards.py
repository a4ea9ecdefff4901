"""What a decision was worth against its baseline: one definition for every agent.

A decision about a candidate changes the weight w with which the candidate is held:

- scale: w(a) = found * a. The gate is a scale of 1 (pass) or 0 (skip); its baseline is to pass.
- target: w(a) = a.
- cap: w(a) = found, cut to at most a on either side.

`found` is the signed weight that the agent found, after the strategy and the agents before it. Where it is 0 there is
nothing to change, and every action is worth as much as every other. Each w is then cut to the deployment's limits for
one symbol, as the ledger does. With r the candidate's return on its entry price, costs paid (`outcomes.returns`)::

    reward   = (w(a) - w(baseline)) * side * r          share of equity; times the equity it is money
    reward_r = (w(a) - w(baseline)) * side / |w0| * R   in R multiples of the candidate as proposed

where |w0| is the strategy's own weight within the limits. So a gate that skips earns -R of what it skips: a loss
avoided counts as a gain, a missed winner as a loss; passing earns 0, as its baseline does. A scale of 1.5 earns
half an R more than equal weight does. An action that turns the position round (a target of the other sign) has no
reward, for the candidate's outcome does not tell what the other side would have earned.

It is the value of one decision, all else as it was: the limit on the sum of all weights, and what the freed money
would have earned elsewhere, are not in it. Those are in the account with and without the agent (`agent_days`), which
is also the only measure of an agent that decides at bars instead of candidates: such a decision has no outcome of
its own, and none is made up here.
"""

from __future__ import annotations


def weight(effect: str, found: float, action: float) -> float:
    """Return the signed weight that an action makes of the one that the agent found, as `lockstep` applies it."""
    if found == 0.0:
        return 0.0
    if effect == "scale":
        return found * action
    if effect == "target":
        return action
    return max(-action, min(found, action))


def limited(value: float, max_weight: float, allow_short: float) -> float:
    """Return a weight cut to what one symbol may have, as `ledger.limited` does."""
    return min(max(value, -max_weight if allow_short else 0.0), max_weight)


def difference(
    effect: str, found: float, action: float, baseline: float, side: float, max_weight: float, allow_short: float
) -> float | None:
    """Return how much more weight on the candidate's side the action gives than its baseline; None: not comparable."""
    acting, standing = (weight(effect, found, each) * side for each in (action, baseline))
    if acting < 0.0 or standing < 0.0:
        return None
    return side * (limited(side * acting, max_weight, allow_short) - limited(side * standing, max_weight, allow_short))


def reward(
    effect: str, found: float | None, action: float, baseline: float, side: float, max_weight: float,
    allow_short: float, outcome: float | None,
) -> float | None:  # fmt: skip
    """Return what the action adds to its baseline, as a share of equity; None when it cannot be known.

    Parameters
    ----------
    effect, found, action, baseline
        The decision.
    side, outcome
        The candidate's: -1 or 1, and its return.
    max_weight, allow_short
        The limits on one symbol's weight.
    """
    if found is None or outcome is None:
        return None
    more = difference(effect, found, action, baseline, side, max_weight, allow_short)
    return None if more is None else more * outcome + 0.0  # no minus zero


def reward_r(
    effect: str, found: float | None, action: float, baseline: float, side: float, max_weight: float,
    allow_short: float, outcome_r: float | None, proposed: float,
) -> float | None:  # fmt: skip
    """Return the same in R multiples of the candidate with the weight that the strategy `proposed`."""
    if found is None or outcome_r is None:
        return None
    more = difference(effect, found, action, baseline, side, max_weight, allow_short)
    whole = abs(limited(side * proposed, max_weight, allow_short))
    if more is None:
        return None
    return more / whole * outcome_r + 0.0 if whole > 0.0 else 0.0
