"""The table of cases: every control at its limit, just below and just above, buying, selling and turning round."""

from __future__ import annotations

from math import inf, nan

from darwin_core.live.calendar import Session

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
HOUR = 3600 * SECOND
PASS, REFUSE = False, True
EDGE = 1e-6  # far more than rounding, far less than anybody's order

CASES = []
"""(name, control, its settings, the intent, the book, whether it is refused); book and settings may be functions of the kit."""


def case(name, control, settings, intent, book, refused):
    CASES.append((f"{control}: {name}", control, settings, intent, book, refused))


def around(name, control, settings, limit, intent, book):
    """Three cases: `intent` is a function of the quantity."""
    case(f"{name}, just below", control, settings, intent(limit * (1 - EDGE)), book, PASS)
    case(f"{name}, at the limit", control, settings, intent(limit), book, PASS)
    case(f"{name}, just above", control, settings, intent(limit * (1 + EDGE)), book, REFUSE)


def quantity(value):
    return {"quantity": value}


def reference(value):
    return {"reference": value}


# fmt: off
# One case a line.

# the order's form
for bad in (0.0, -0.0, nan, inf, -inf):
    case(f"quantity {bad}", "WellFormed", {}, quantity(bad), {}, REFUSE)
for good in (1.0, -1.0, 1e-9):
    case(f"quantity {good}", "WellFormed", {}, quantity(good), {}, PASS)
for bad in (0.0, -1.0, nan, inf):
    case(f"limit price {bad}", "WellFormed", {}, {"limit_price": bad}, {}, REFUSE)
case("limit price 1e-9", "WellFormed", {}, {"limit_price": 1e-9}, {}, PASS)
case("limit order without a price", "WellFormed", {}, {"kind": "limit"}, {}, REFUSE)
case("market order with a price", "WellFormed", {}, {"kind": "market", "limit_price": 100.0}, {}, REFUSE)

# the id
case("new", "UniqueId", {}, {}, lambda k: {"recent": (k.sent(1),), "orders": (k.order(1.0),)}, PASS)
case("sent a day ago", "UniqueId", {}, {"client_id": "x"}, lambda k: {"recent": (k.sent(86_000, client_id="x"), k.sent(1))}, REFUSE)
case("open", "UniqueId", {}, {"client_id": "x"}, lambda k: {"orders": (k.order(1.0, client_id="x"), k.order(1.0))}, REFUSE)

# gates
case("open", "Latched", {}, {}, {}, PASS)
case("closed", "Latched", {}, {}, {"latch": "drawdown"}, REFUSE)
case("off", "SafeMode", {}, {}, {}, PASS)
case("on", "SafeMode", {}, {}, {"safe_mode": "latency"}, REFUSE)
case("no claim", "ReduceOnly", {}, {}, {}, PASS)
for sign in (1.0, -1.0):
    held, side = {"positions": {"A": 10.0 * sign}}, "a long" if sign > 0 else "a short"
    for value, verdict in ((-10.0 * (1 - EDGE), PASS), (-10.0, PASS), (-10.0 * (1 + EDGE), REFUSE), (1.0, REFUSE), (-11.0, REFUSE)):
        case(f"{value} of {side} position of 10", "ReduceOnly", {}, {"quantity": value * sign, "reduce_only": True}, held, verdict)
    both = lambda k, sign=sign: {"positions": {"A": 10.0 * sign}, "orders": (k.order(-4.0 * sign), k.order(9.0 * sign))}  # noqa: E731
    around(f"beside an exit of 4 from {side} position of 10", "ReduceOnly", {}, 6.0, lambda q, sign=sign: {"quantity": -q * sign, "reduce_only": True}, both)
case("none held", "ReduceOnly", {}, {"quantity": -1.0, "reduce_only": True}, {}, REFUSE)
case("none unknown", "UnknownOrder", {}, {}, lambda k: {"orders": (k.order(1.0), k.order(1.0, "B", status="unknown"))}, PASS)
case("one unknown", "UnknownOrder", {}, {}, lambda k: {"orders": (k.order(1.0), k.order(1.0, status="unknown"))}, REFUSE)
case("no lists", "Symbols", {}, {}, {}, PASS)
case("allowed", "Symbols", {"allow": ("A", "B")}, {}, {}, PASS)
case("not allowed", "Symbols", {"allow": ("B",)}, {}, {}, REFUSE)
case("denied", "Symbols", {"deny": ("A",)}, {}, {}, REFUSE)
case("another denied", "Symbols", {"deny": ("B",)}, {}, {}, PASS)
case("allowed and denied", "Symbols", {"allow": ("A",), "deny": ("A",)}, {}, {}, REFUSE)


# the hour
def hours(opens, closes, pause=None, next_open=None):
    shifted = None if pause is None else (NOW + pause[0], NOW + pause[1])
    return {"session": Session("d", NOW + opens, NOW + closes, pause=shifted), "next_open": next_open}


never = {"ahead_h": 0.0}
case("just opened", "SessionHours", never, {}, hours(0, HOUR), PASS)
case("about to open", "SessionHours", never, {}, hours(1, HOUR), REFUSE)
case("about to close", "SessionHours", never, {}, hours(-HOUR, 1), PASS)
case("just closed", "SessionHours", never, {}, hours(-HOUR, 0), REFUSE)
case("about to pause", "SessionHours", never, {}, hours(-HOUR, HOUR, (1, 2)), PASS)
case("just paused", "SessionHours", never, {}, hours(-HOUR, HOUR, (0, 1)), REFUSE)
case("pause just over", "SessionHours", never, {}, hours(-HOUR, HOUR, (-1, 0)), PASS)
case("closed", "SessionHours", {}, {}, {"session": None}, REFUSE)
case("opens now", "SessionHours", never, {}, {"session": None, "next_open": NOW}, PASS)
case("opened already", "SessionHours", {}, {}, {"session": None, "next_open": NOW - HOUR}, REFUSE)
case("an ioc in the session", "SessionHours", {}, {"time_in_force": "ioc"}, {}, PASS)
case("an ioc that waits", "SessionHours", {}, {"time_in_force": "ioc"}, {"session": None, "next_open": NOW + 1}, REFUSE)
case("a day's wait", "SessionHours", {"ahead_h": 24.0}, {}, {"session": None, "next_open": NOW + 24 * HOUR}, PASS)
case("less", "SessionHours", {"ahead_h": 24.0}, {}, {"session": None, "next_open": NOW + 24 * HOUR - SECOND}, PASS)
case("more", "SessionHours", {"ahead_h": 24.0}, {}, {"session": None, "next_open": NOW + 24 * HOUR + SECOND}, REFUSE)

# the price's age
for age, verdict in ((0, PASS), (60, PASS), (60.001, REFUSE), (-1, PASS), (-1.001, REFUSE), (59.999, PASS), (-0.999, PASS)):
    case(f"{age} s", "StalePrice", {}, {}, {"prices": {"A": (100.0, NOW - round(age * SECOND))}}, verdict)
case("none", "StalePrice", {}, {}, {"prices": {}}, REFUSE)
for bad in (0.0, -1.0, nan, inf):
    case(f"a price of {bad}", "StalePrice", {}, {}, {"prices": {"A": bad}}, REFUSE)

# duplicates
for age, verdict in ((0, REFUSE), (4.999, REFUSE), (5, PASS), (5.001, PASS)):
    case(f"{age} s ago", "Duplicate", {}, {}, lambda k, age=age: {"recent": (k.sent(age),)}, verdict)
for other in ({"quantity": 2.0}, {"quantity": -1.0}, {"limit_price": 100.0}, {"symbol": "B"}):
    case(f"another: {other}", "Duplicate", {}, {}, lambda k, other=other: {"recent": (k.sent(1, **other),)}, PASS)
case("behind another", "Duplicate", {}, {}, lambda k: {"recent": (k.sent(2), k.sent(1, quantity=2.0))}, REFUSE)
case("just approved", "Duplicate", {}, {}, lambda k: {"added": (k.sent(0),)}, REFUSE)


# repeats
def sent(ages, **intent):
    return lambda k: {"recent": tuple(k.sent(age, **intent) for age in ages)}


three = {"repeats": 2, "window_s": 60.0}
for count, verdict in ((0, PASS), (1, PASS), (2, PASS), (3, REFUSE), (4, REFUSE)):
    case(f"{count} before, long ago, of the same bar", "Repeats", three, {}, sent(range(9000, 9000 + count)), verdict)
    case(f"{count} before, of other bars", "Repeats", three, {}, sent(range(1, 1 + count), bar=5), verdict)
    case(f"{count} sells before", "Repeats", three, quantity(-1.0), sent(range(1, 1 + count), bar=5, quantity=-2.0), verdict)
case("one too old", "Repeats", three, {}, sent((60, 2, 1), bar=5), PASS)
case("one just not too old", "Repeats", three, {}, sent((59.999, 2, 1), bar=5), REFUSE)
for other in ({"target": 0.5}, {"quantity": -1.0}, {"leg": "stop"}, {"symbol": "B"}):
    case(f"another target: {other}", "Repeats", three, {}, sent((3, 2, 1), **{"bar": 5, **other}), PASS)
case("another leg of the same bar", "Repeats", three, {}, sent((3, 2, 1), leg="stop"), PASS)
case("the same bar and leg, another side", "Repeats", three, {}, sent((3, 2, 1), quantity=-1.0), REFUSE)
case("stopped by another symbol", "Repeats", {}, {}, {"disabled": "repeat 11 of B"}, REFUSE)


def forgiven(ago_s):
    release = lambda k: k.Reenabled("Ada", "seen to", NOW - round(ago_s * SECOND))  # noqa: E731
    return lambda k: {"recent": tuple(k.sent(age) for age in (3, 2, 1)), "reenabled": release(k)}


case("re-enabled before them", "Repeats", three, {}, forgiven(3.001), REFUSE)
case("re-enabled with the first", "Repeats", three, {}, forgiven(3), PASS)
case("re-enabled after them", "Repeats", three, {}, forgiven(0.5), PASS)


# the rate
def burst(count, age, **more):
    return lambda k: {"recent": tuple(k.sent(age, symbol="B") for _ in range(count)), **more}


slow = {"per_second": 3, "per_minute": 5, "per_day": 7, "exits": 2}
for seconds, most in ((1, 3), (60, 5), (86_400, 7)):
    for count, age, verdict in ((most - 1, seconds - 0.001, PASS), (most, seconds - 0.001, REFUSE), (most, seconds, PASS)):
        case(f"{count} before in {age} s", "Rate", slow, {}, burst(count, age), verdict)
    exits = {"positions": {"A": 10.0}}
    case(f"an exit after {most} in {seconds} s", "Rate", slow, quantity(-1.0), burst(most, seconds - 0.001, **exits), PASS)
    case(f"an exit after {2 * most - 1} in {seconds} s", "Rate", slow, quantity(-1.0), burst(2 * most - 1, seconds - 0.001, **exits), PASS)
    case(f"an exit after {2 * most} in {seconds} s", "Rate", slow, quantity(-1.0), burst(2 * most, seconds - 0.001, **exits), REFUSE)
case("two just approved", "Rate", slow, {}, lambda k: {"added": (k.sent(0), k.sent(0))}, PASS)
case("three just approved", "Rate", slow, {}, lambda k: {"added": (k.sent(0), k.sent(0), k.sent(0))}, REFUSE)

# size
for sign in (1.0, -1.0):
    side = "buying" if sign > 0 else "selling"
    around(side, "OrderQuantity", {"quantity": 50.0}, 50.0, lambda q, s=sign: quantity(q * s), {})
    around(f"{side}, money", "OrderValue", {"value": 1_000.0, "share": 9.0}, 10.0, lambda q, s=sign: quantity(q * s), {})
    around(f"{side}, share", "OrderValue", {"share": 0.1}, 10.0, lambda q, s=sign: quantity(q * s), {})
    around(f"{side}, by its limit price", "OrderValue", {"share": 0.1}, 5.0, lambda q, s=sign: {"quantity": q * s, "limit_price": 200.0}, {})
    around(f"{side}, by the last price", "OrderValue", {"share": 0.1}, 10.0, lambda q, s=sign: {"quantity": q * s, "limit_price": 50.0}, {})
    case(f"{side} at no price", "OrderValue", {}, {"quantity": sign, "limit_price": 1.0}, {"prices": {}}, REFUSE)
    case(f"{side} with unknown equity", "OrderValue", {}, quantity(sign), {"equity": nan}, REFUSE)
    case(f"{side} with no equity", "OrderValue", {}, quantity(sign), {"equity": 0.0}, REFUSE)

# the collar
for sign in (1.0, -1.0):
    worst, side = 100.0 * (1 + 0.05 * sign), "buying" if sign > 0 else "selling"
    for price, verdict in ((worst - sign * EDGE, PASS), (worst, PASS), (worst + sign * EDGE, REFUSE), (100.0 * (1 - 0.3 * sign), PASS)):
        case(f"{side}, limited to {price}", "Collar", {}, {"quantity": sign, "limit_price": price}, {}, verdict)
        case(f"an exit {side}, limited to {price}", "Collar", {}, {"quantity": sign, "limit_price": price}, {"positions": {"A": -sign}}, verdict)
    for was, verdict in ((105.0, PASS), (105.0 - EDGE, PASS), (105.0 + EDGE, REFUSE), (95.0, PASS), (95.0 + EDGE, PASS), (95.0 - EDGE, REFUSE)):
        case(f"{side}, decided at {was}", "Collar", {}, {"quantity": sign, "reference": was}, {}, verdict)
    case(f"an exit {side}, decided long ago", "Collar", {}, {"quantity": sign, "reference": 50.0}, {"positions": {"A": -sign}}, PASS)
    case(f"an exit {side}, no price", "Collar", {}, {"quantity": sign}, {"positions": {"A": -sign}, "prices": {}}, PASS)
    case(f"{side}, no price", "Collar", {}, quantity(sign), {"prices": {}}, REFUSE)
    case(f"{side}, limited, no price", "Collar", {}, {"quantity": sign, "limit_price": 100.0}, {"prices": {}}, REFUSE)
for was, verdict in ((100.0, PASS), (100.0 + EDGE, PASS), (100.0 - EDGE, REFUSE)):
    case(f"110 after {was}", "PeriodCollar", {}, reference(110.0), lambda k, was=was: {"recent": (k.sent(299.999, reference=was),)}, verdict)
for was, verdict in ((100.0, PASS), (100.0 - EDGE, PASS), (100.0 + EDGE, REFUSE)):
    case(f"90 after {was}", "PeriodCollar", {}, reference(90.0), lambda k, was=was: {"recent": (k.sent(1, reference=was),)}, verdict)
case("a limit price after a market order", "PeriodCollar", {}, {"limit_price": 112.0}, lambda k: {"recent": (k.sent(1),)}, REFUSE)
case("after a limit price", "PeriodCollar", {}, {}, lambda k: {"recent": (k.sent(1, limit_price=80.0),)}, REFUSE)
case("far, too long ago", "PeriodCollar", {}, {}, lambda k: {"recent": (k.sent(300, reference=50.0),)}, PASS)
case("far, behind one that is near", "PeriodCollar", {}, {}, lambda k: {"recent": (k.sent(299, reference=50.0), k.sent(1))}, REFUSE)
case("far, in another symbol", "PeriodCollar", {}, {}, lambda k: {"recent": (k.sent(1, symbol="B", reference=50.0),)}, PASS)


# self-match: a buy meets a sell when it reaches it
def beside(quantity, limit_price=None, **more):
    return lambda k: {"orders": (k.order(1.0, "B"), k.order(quantity, limit_price=limit_price)), **more}


case("nothing open", "SelfMatch", {}, {}, {}, PASS)
case("buying beside a buy", "SelfMatch", {}, {}, beside(1.0), PASS)
case("selling beside a sell", "SelfMatch", {}, quantity(-1.0), beside(-1.0), PASS)
case("market against market", "SelfMatch", {}, {}, beside(-1.0), REFUSE)
for theirs, verdict in ((101.0, REFUSE), (102.0, REFUSE), (102.0 + EDGE, PASS)):
    case(f"a market buy against a sell at {theirs}", "SelfMatch", {}, {}, beside(-1.0, theirs), verdict)
for theirs, verdict in ((99.0, REFUSE), (98.0, REFUSE), (98.0 - EDGE, PASS)):
    case(f"a market sell against a buy at {theirs}", "SelfMatch", {}, quantity(-1.0), beside(1.0, theirs), verdict)
for mine, verdict in ((104.0, REFUSE), (103.0, REFUSE), (103.0 - EDGE, PASS)):
    case(f"a buy at {mine} against a sell at 103", "SelfMatch", {}, {"limit_price": mine}, beside(-1.0, 103.0), verdict)
for mine, verdict in ((102.0, REFUSE), (103.0, REFUSE), (103.0 + EDGE, PASS)):
    case(f"a sell at {mine} against a buy at 103", "SelfMatch", {}, {"quantity": -1.0, "limit_price": mine}, beside(1.0, 103.0), verdict)
case("a sell at 90 against a market buy", "SelfMatch", {}, {"quantity": -1.0, "limit_price": 90.0}, beside(1.0), REFUSE)
case("a market buy, no price", "SelfMatch", {}, {}, beside(-1.0, 1e9, prices={}), REFUSE)
case("a market sell, no price", "SelfMatch", {}, quantity(-1.0), beside(1.0, 1e-9, prices={}), REFUSE)
case("flattening", "SelfMatch", {}, {"quantity": -1.0, "leg": "flatten"}, beside(1.0, positions={"A": 1.0}), PASS)
case("an exit that is no flattening", "SelfMatch", {}, quantity(-1.0), beside(1.0, positions={"A": 1.0}), REFUSE)
case("a flattening that is no exit", "SelfMatch", {}, {"quantity": -1.0, "leg": "flatten"}, beside(1.0), REFUSE)


# what the account may hold: 10,000 of equity, 100 a unit
def held(**positions):
    return {"positions": positions}


for sign in (1.0, -1.0):
    go = lambda q, s=sign: quantity(q * s)  # noqa: E731
    side = "buying" if sign > 0 else "selling"
    around(side, "SymbolCap", {}, 10.0, go, {})
    around(f"{side} more", "SymbolCap", {}, 6.0, go, held(A=4.0 * sign))
    around(f"{side} round", "SymbolCap", {}, 14.0, go, held(A=-4.0 * sign))
    around(f"{side} round from beyond the cap", "SymbolCap", {}, 30.0, go, held(A=-20.0 * sign))
    around(f"{side} beside an open order", "SymbolCap", {}, 7.0, go, lambda k, s=sign: {"orders": (k.order(3.0 * s),)})
    around(f"{side} beside one the other way", "SymbolCap", {}, 10.0, go, lambda k, s=sign: {"orders": (k.order(-3.0 * s),)})
    around(f"{side} beside one just approved", "SymbolCap", {}, 7.0, go, lambda k, s=sign: {"added": (k.sent(0, quantity=3.0 * s),)})
    around(f"{side}, another held", "SymbolCap", {}, 10.0, go, held(B=10.0 * sign))

    around(side, "Gross", {}, 150.0, go, {})
    around(f"{side}, both ways held", "Gross", {}, 90.0, go, held(B=40.0, C=-20.0))
    around(f"{side} more", "Gross", {}, 110.0, go, held(A=40.0 * sign))
    around(f"{side} round", "Gross", {}, 170.0, go, held(A=-20.0 * sign))
    around(f"{side} beside an exit", "Gross", {}, 50.0, go, lambda k: {**held(B=100.0), "orders": (k.order(-100.0, "B"),)})
    around(f"{side}, counting on an exit", "Gross", {"exits": "filled"}, 150.0, go, lambda k: {**held(B=100.0), "orders": (k.order(-100.0, "B"),)})
    around(f"{side}, counting on a cover", "Gross", {"exits": "filled"}, 150.0, go, lambda k: {**held(B=-100.0), "orders": (k.order(100.0, "B"),)})
    around(f"{side}, counting on an exit that turns round", "Gross", {"exits": "filled"}, 110.0, go, lambda k: {**held(B=100.0), "orders": (k.order(-140.0, "B"),)})
    around(f"{side}, an entry is no exit", "Gross", {"exits": "filled"}, 90.0, go, lambda k: {**held(B=20.0), "orders": (k.order(40.0, "B"),)})
    around(f"{side}, a short's entry is no exit", "Gross", {"exits": "filled"}, 90.0, go, lambda k: {**held(B=-20.0), "orders": (k.order(-40.0, "B"),)})
    case(f"{side}, one without a price", "Gross", {}, go(1.0), {**held(Z=1.0), "prices": {"A": 100.0}}, REFUSE)
    case(f"{side}, one short without a price", "Gross", {}, go(1.0), {**held(Z=-1.0), "prices": {"A": 100.0}}, REFUSE)
    case(f"{side}, one ordered without a price", "Gross", {}, go(1.0), lambda k: {"orders": (k.order(1.0, "Z"),), "prices": {"A": 100.0}}, REFUSE)
    case(f"{side}, one sold without a price", "Gross", {}, go(1.0), lambda k: {"orders": (k.order(-1.0, "Z"),), "prices": {"A": 100.0}}, REFUSE)
    case(f"{side}, none held without a price", "Gross", {}, go(1.0), {**held(Z=0.0), "prices": {"A": 100.0}}, PASS)

    around(side, "Net", {}, 150.0, go, {})
    around(f"{side}, with the wind", "Net", {}, 90.0, go, held(B=60.0 * sign))
    around(f"{side}, against it", "Net", {}, 210.0, go, held(B=-60.0 * sign))
    around(f"{side}, back from beyond", "Net", {}, 350.0, go, held(B=-200.0 * sign))
    around(f"{side} beside an exit", "Net", {}, 50.0, go, lambda k, s=sign: {**held(B=100.0 * s), "orders": (k.order(-100.0 * s, "B"),)})
    around(f"{side}, counting on an exit", "Net", {"exits": "filled"}, 150.0, go, lambda k, s=sign: {**held(B=100.0 * s), "orders": (k.order(-100.0 * s, "B"),)})

poor = {"borrow": 0.1, "buffer": 0.25}  # 100 units for 10,000 of cash and 1,000 of credit cost 12,500
around("buying", "Cash", poor, 88.0, quantity, {})
around("buying limited", "Cash", poor, 44.0, lambda q: {"quantity": q, "limit_price": 200.0}, {})
around("buying beside a buy", "Cash", poor, 58.0, quantity, lambda k: {"orders": (k.order(30.0, "B"),)})
around("buying beside a limited buy", "Cash", poor, 73.0, quantity, lambda k: {"orders": (k.order(30.0, "B", limit_price=50.0),)})
around("buying beside a sell", "Cash", poor, 88.0, quantity, lambda k: {**held(B=30.0), "orders": (k.order(-30.0, "B"),)})
leaving = {**poor, "exits": "filled"}
around("counting on a sell", "Cash", leaving, 106.0, quantity, lambda k: {**held(B=30.0), "orders": (k.order(-30.0, "B"),)})
around("a short sale brings nothing", "Cash", leaving, 88.0, quantity, lambda k: {**held(B=-30.0), "orders": (k.order(-30.0, "B"),)})
around("only what is held brings money", "Cash", leaving, 106.0, quantity, lambda k: {**held(B=30.0), "orders": (k.order(-90.0, "B"),)})
case("selling", "Cash", poor, quantity(-1e9), {}, PASS)
case("buying the least in debt", "Cash", poor, quantity(EDGE), {"cash": -1_000.0}, REFUSE)
case("cash is not known", "Cash", poor, {}, {"cash": nan}, REFUSE)
