"""What the state database holds, in SQL.

Times are ns since 1970 UTC; a day is a date in the feed's own zone. NULL is "not known": a decision whose candidate
is still open has no outcome, a backtest measures no latency, an outcome without a stop has no R multiple.
"""

from __future__ import annotations

VERSION = 2
"""Kept as SQLite's ``user_version``. A file of a higher version is refused; whoever writes brings a lower one up."""
APPLICATION = 0x64_61_72_77
"""Kept as SQLite's ``application_id``: this file is darwin's."""

_TABLES = """
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,      -- a run's id; for live an id that outlasts restarts
    kind TEXT NOT NULL,               -- backtest, live
    deployment TEXT NOT NULL,
    created TEXT NOT NULL,            -- wall clock, UTC
    timezone TEXT NOT NULL,           -- in which days are meant
    digest TEXT,                      -- of the decision log
    max_weight REAL NOT NULL,         -- what limits a weight, and so a reward
    allow_short INTEGER NOT NULL
) STRICT;

CREATE TABLE agent_decisions (
    session_id TEXT NOT NULL REFERENCES sessions,
    agent_name TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    mode TEXT NOT NULL,               -- observe, canary, active
    time INTEGER NOT NULL,            -- the bar on which it was decided
    day TEXT NOT NULL,
    symbol TEXT NOT NULL,
    effect TEXT NOT NULL,             -- scale, target, cap: what the action does to the weight
    moment TEXT NOT NULL,             -- candidate: its outcome is this decision's; bar: a row a change; day, week...
    observation_hash TEXT,            -- of the row that a trained policy was shown
    found_weight REAL,                -- signed target weight that the agent found
    action REAL NOT NULL,
    confidence REAL,                  -- the agent's own
    baseline_action REAL NOT NULL,
    applied INTEGER NOT NULL,
    fallback INTEGER NOT NULL,        -- the baseline had to stand in
    latency_ms REAL,
    equity REAL,                      -- the account's, in money, when it was decided
    outcome REAL,                     -- the candidate's return on its entry price, costs paid
    outcome_r REAL,                   -- the same in units of the risk taken
    reward REAL,                      -- what the action adds to its baseline, share of equity; see rewards.py
    reward_r REAL,                    -- the same in R of the candidate as it was proposed
    resolved_time INTEGER,            -- since when the outcome is known
    words TEXT,                       -- why, in the agent's own words
    experiment TEXT,                  -- of which the agent is an arm; NULL on a symbol of another arm
    PRIMARY KEY (session_id, agent_name, agent_version, time, symbol)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_on_candidates ON agent_decisions (session_id, time, symbol) WHERE moment = 'candidate';

CREATE TABLE candidates (
    session_id TEXT NOT NULL REFERENCES sessions,
    time INTEGER NOT NULL,
    day TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side INTEGER NOT NULL,
    weight REAL NOT NULL,             -- share of equity that the strategy proposed
    confidence REAL,                  -- the strategy's
    taken INTEGER NOT NULL,           -- an order was sent for it; skipped ones have outcomes too
    entry_time INTEGER,
    entry_price REAL,
    exit_time INTEGER,
    exit_price REAL,
    reason TEXT,                      -- why it ended; NULL: it has not
    bars INTEGER,
    "return" REAL,
    r_multiple REAL,
    PRIMARY KEY (session_id, time, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    session_id TEXT NOT NULL REFERENCES sessions,
    agent_name TEXT NOT NULL,
    time INTEGER NOT NULL,            -- a backtest counts by kind, as of its last bar
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    what TEXT NOT NULL,               -- the first one in words
    PRIMARY KEY (session_id, agent_name, kind, time)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_days (             -- the whole account at a day's last bar
    session_id TEXT NOT NULL REFERENCES sessions,
    agent_name TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    day TEXT NOT NULL,
    time INTEGER NOT NULL,
    acting REAL NOT NULL,             -- equity with the agent acting
    baseline REAL NOT NULL,           -- equity without it
    PRIMARY KEY (session_id, agent_name, agent_version, day)
) STRICT, WITHOUT ROWID;
"""

# Where the baseline had to stand in, agreeing with it means nothing: agreement is about an agent's own decisions.
_VIEWS = """
CREATE VIEW daily_health AS
SELECT session_id, agent_name, agent_version, day,
    count(*) AS decisions,
    sum(applied) AS applied,
    sum(fallback) AS fallbacks,
    avg(CASE WHEN fallback = 0 THEN action = baseline_action END) AS agreement,
    count(outcome) AS resolved,
    sum(reward_r) AS reward_r,
    sum(reward * equity) AS reward_money,
    max(latency_ms) AS slowest_ms,
    (SELECT coalesce(sum(i.count), 0) FROM incidents AS i
        WHERE i.session_id = d.session_id AND i.agent_name = d.agent_name AND i.day = d.day) AS incidents
FROM agent_decisions AS d GROUP BY session_id, agent_name, agent_version, day;

CREATE VIEW agreement AS
SELECT session_id, agent_name, agent_version,
    count(*) AS decisions,
    sum(applied) AS applied,
    sum(fallback) AS fallbacks,
    coalesce(sum(fallback = 0 AND action <> baseline_action), 0) AS overrides,
    avg(CASE WHEN fallback = 0 THEN action = baseline_action END) AS agreement,
    datetime(min(time) / 1000000000, 'unixepoch') AS first_utc,
    datetime(max(time) / 1000000000, 'unixepoch') AS last_utc
FROM agent_decisions GROUP BY session_id, agent_name, agent_version;

CREATE VIEW override_accuracy AS
SELECT session_id, agent_name, agent_version,
    count(*) AS overrides,
    count(outcome) AS resolved,
    coalesce(sum(reward > 0), 0) AS gained,
    coalesce(sum(reward < 0), 0) AS lost,
    avg(CASE WHEN reward <> 0 THEN reward > 0 END) AS accuracy
FROM agent_decisions WHERE fallback = 0 AND action <> baseline_action GROUP BY session_id, agent_name, agent_version;
"""

SCHEMA = f"""
{_TABLES}{_VIEWS}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""

MIGRATIONS = {
    1: "ALTER TABLE agent_decisions ADD COLUMN words TEXT;\nALTER TABLE agent_decisions ADD COLUMN experiment TEXT;\n"
}
"""By the version that a file has: what makes it one of the next version."""
