"""Tables of ``ml_config`` that belong to no capability: who approves, which experiments run, in which language reasons are."""

from __future__ import annotations

from ml.core.spec import ConfigColumn, ConfigTable

APPROVAL = ConfigTable(
    "approval",
    "Which capabilities a person lets serve, and what happens when nobody answers.",
    ("capability",),
    (
        ConfigColumn("capability", "text", "Name of the capability."),
        ConfigColumn(
            "wanted", "boolean", "True: a challenger that wins waits for a person.", required=True, default="true"
        ),
        ConfigColumn("hours", "number", "How long it waits.", "hours", required=True, default="24"),
        ConfigColumn("otherwise", "text", "What then: approve or refuse.", required=True, default="'refuse'"),
    ),
    checks={
        "hours must be above 0": "hours > 0",
        "otherwise must be approve or refuse": "otherwise IN ('approve', 'refuse')",
    },
    examples={
        "A person approves every model of order risk; without an answer in two days it is refused": (
            "INSERT INTO ml_config.approval (capability, wanted, hours) VALUES ('risk', true, 48)"
        )
    },
)

EXPERIMENT = ConfigTable(
    "experiment",
    "Experiments: one row an arm. Customers are drawn by a keyed hash of name and customer; who is in no arm sees the champion.",
    ("name", "arm"),
    (
        ConfigColumn("name", "text", "Name of the experiment; the draw depends on it."),
        ConfigColumn("arm", "text", "Name of the arm; the first by name that shows the champion is the control."),
        ConfigColumn("capability", "text", "Whose tables differ.", required=True),
        ConfigColumn(
            "shows", "text", "champion, version, baseline, rules or nothing.", required=True, default="'champion'"
        ),
        ConfigColumn("version", "integer", "Which version, where shows is version."),
        ConfigColumn(
            "rule_set", "text", "Where shows is rules: the champion by the rules of this set beside those for all."
        ),
        ConfigColumn("share", "number", "Share of the population.", "0 to 1", required=True),
        ConfigColumn(
            "mode",
            "text",
            "ab: shown as it is. shadow: scored and judged, not shown. canary: its share doubles each night "
            "while it does no harm, and goes back by itself. holdout: as ab, without an end.",
            required=True,
            default="'ab'",
        ),
        ConfigColumn("population", "text", "A value of customer.segment; null: every customer."),
        ConfigColumn("starts_on", "date", "First night.", required=True),
        ConfigColumn("ends_on", "date", "First night that it is over; null: it goes on."),
    ),
    checks={
        "shows: champion, version, baseline, rules or nothing": "shows IN ('champion', 'version', 'baseline', 'rules', 'nothing')",
        "rule_set must be given where shows is rules, else not": "(shows = 'rules') = (rule_set IS NOT NULL)",
        "version must be given where shows is version, else not": "(shows = 'version') = (version IS NOT NULL)",
        "share must lie above 0 and be at most 1": "share > 0 AND share <= 1",
        "mode must be ab, shadow, canary or holdout": "mode IN ('ab', 'shadow', 'canary', 'holdout')",
        "ends_on must be after starts_on": "ends_on IS NULL OR ends_on > starts_on",
    },
    examples={
        "A tenth of the customers sees version 7 of the recommender for four weeks, a tenth the champion": (
            "INSERT INTO ml_config.experiment (name, arm, capability, shows, version, share, starts_on, ends_on)\n"
            "VALUES ('lists', 'champion', 'recommender', 'champion', NULL, 0.1, '2026-03-01', '2026-03-29'),\n"
            "       ('lists', 'version 7', 'recommender', 'version', 7, 0.1, '2026-03-01', '2026-03-29')"
        ),
        "Two customers in a hundred never see recommendations, so that it is known what these earn": (
            "INSERT INTO ml_config.experiment (name, arm, capability, shows, share, mode, starts_on)\n"
            "VALUES ('hold-out', 'with', 'recommender', 'champion', 0.02, 'holdout', '2026-03-01'),\n"
            "       ('hold-out', 'without', 'recommender', 'nothing', 0.02, 'holdout', '2026-03-01')"
        ),
    },
)

LANGUAGE = ConfigTable(
    "language",
    "The language in which the nights write the reasons of the published tables.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", required=True, default="true"),
        ConfigColumn(
            "language",
            "text",
            "en, or a language that has catalogues (zh); what has no message there stays English.",
            "ISO 639-1",
            required=True,
            default="'en'",
        ),
    ),
    checks={"there is one row": "one", "language has two letters": "language ~ '^[a-z]{2}$'"},
    rows=({"one": True, "language": "en"},),
    examples={"Reasons in Chinese": "UPDATE ml_config.language SET language = 'zh'"},
)

PLATFORM: tuple[ConfigTable, ...] = (APPROVAL, EXPERIMENT, LANGUAGE)
