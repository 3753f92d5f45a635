"""What can be done with an answer, a gap or a learned synonym, and what a rule changes at once in answers."""

from __future__ import annotations

from ml.core.console import Action, Console, Probe

_ANSWERS = """
SELECT asked.query AS who, ARRAY(SELECT s.product_id FROM ml.search(query => asked.query) AS s ORDER BY s.rank LIMIT 10) AS what
FROM (SELECT %(from)s::text AS query WHERE %(from)s <> ''
      UNION (SELECT q.query FROM ml.query AS q ORDER BY q.asked DESC, q.query LIMIT 12)) AS asked
"""
_ONCE = "It is in force from the next query on."
_PROBES = (Probe("Answers to this query and to those that are asked most", _ANSWERS, "lists", start="query"),)

CONSOLE = Console(
    probes={"search_rule": _PROBES, "search_option": _PROBES},
    later={"search_rule": _ONCE, "search_option": _ONCE},
    actions={
        "ml.search": (
            Action("Pin", "search_rule", {"kind": "pin", "place": "1"}, {"query": "text", "target": "product_id"}),
        ),
        "search_synonym": (
            Action("Forbid", "search_rule", {"kind": "forbid"}, {"query": "word", "target": "synonym"}),
            Action("Accept for good", "search_rule", {"kind": "one_way"}, {"query": "word", "target": "synonym"}),
        ),
        "search_gap": (
            Action("Answer as another query", "search_rule", {"kind": "redirect"}, {"query": "query"}),
            Action("Say what it means", "search_rule", {"kind": "one_way"}, {"query": "query"}),
        ),
    },
)
