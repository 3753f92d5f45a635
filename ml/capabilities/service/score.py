"""The tables that are published: what each ticket asks for and who should answer, the answers, and how the service does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ml.capabilities.service import figures, outcomes, topics
from ml.capabilities.service.answers import Answer, KnowledgeBase, costs, decide
from ml.capabilities.service.model import Service
from ml.capabilities.service.reading import Read, read
from ml.capabilities.service.spec import SPEC, UNKNOWN, Params
from ml.capabilities.service.tables.live import ORDER, SETTING, TERM
from ml.capabilities.service.tables.tickets import ANSWER, LIKE, TRIAGE
from ml.capabilities.service.tables.together import FIGURES, GAP, TOPIC
from ml.capabilities.service.teams import Teams
from ml.capabilities.service.urgency import Rules, urgency_of
from ml.core.batches import batches, schema
from ml.core.spec import Published
from ml.core.units import DAY_US
from ml.text.feeling import feeling_of
from ml.text.language import UNKNOWN as UNDETERMINED
from ml.text.words import fold, sql_rules, words

Row = dict[str, Any]
BLOCK = 20_000
WAITING = ("open", "reopened")
_UNDERSTOOD = 160


def units(features: Mapping[str, pa.Table]) -> int:
    """How many tickets are triaged."""
    return int(features["ticket"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different first keys each table should have; 0: any number may be right."""
    waiting = sum(state in WAITING for state in features["ticket"]["state"].to_pylist())
    orders = int(features["order"].num_rows)
    return {table.name: 0 for table in SPEC.publishes} | {
        TRIAGE.name: units(features),
        ANSWER.name: waiting,
        ORDER.name: orders,
    }


def score(
    model: Service, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of tickets ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    tickets = features["ticket"].sort_by("ticket_id").combine_chunks().slice(start, end - start)
    desk = Desk(model, features, params)
    triage = [row for at in range(0, len(tickets), BLOCK) for row in desk.rows(tickets.slice(at, BLOCK))]
    waiting = [row for row in triage if row["state"] in WAITING]
    return {TRIAGE.name: _batches(TRIAGE, triage), ANSWER.name: _batches(ANSWER, waiting)}


def score_all(
    model: Service, features: Mapping[str, pa.Table], rows: Mapping[str, pa.Table], params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make what is said of tickets together, and what ``ml.answer`` reads."""
    tables: dict[str, list[Row]] = {table.name: [] for table in SPEC.for_all}
    if units(features):
        board = topics.Board(features, rows[TRIAGE.name], params)
        tables |= {LIKE.name: board.alike(features), TOPIC.name: board.topics(), GAP.name: board.gaps()}
        tables[FIGURES.name] = figures.rows(features, rows[TRIAGE.name], params)
    if len(features["answer"]) and model.intents_:
        tables[TERM.name] = [
            {"term": term, "idf": idf, "intents": intents, "weights": weights}
            for term, (idf, intents, weights) in sorted(model.phrases_["terms"].items())
        ]
        knowing = model.phrases_["knowing"] | {
            "strange": model.phrases_["strange"],
            "least_chance": params.least_chance,
        }
        tables[SETTING.name] = [
            {"name": "shop", "rules": sql_rules(UNDETERMINED), "intents": model.intents_, **knowing}
        ]
    within = products(features)
    orders = features["order"].sort_by("customer_id").to_pylist()
    tables[ORDER.name] = [row | {"products": within.get(row["order_id"], [])} for row in orders]
    return {table.name: _batches(table, tables[table.name]) for table in SPEC.for_all}


def _batches(table: Published, rows: list[Row]) -> Iterator[pa.RecordBatch]:
    blocks = (rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK))
    return batches(table, (_columns(table, some) for some in blocks))


def _columns(table: Published, rows: list[Row]) -> pa.Table:
    return pa.table({f.name: pa.array([row[f.name] for row in rows], f.type) for f in schema(table)})


class Desk:
    """What is needed to triage and answer tickets: the model, and what the staff told."""

    def __init__(self, model: Service, features: Mapping[str, pa.Table], params: Params) -> None:
        self.model, self.params = model, params
        now = features["moment"]["as_of"].to_pylist()
        self.now = int(now[0]) if now else 0
        today = datetime.fromtimestamp(self.now / 1e6, UTC).date()
        self.base = KnowledgeBase(features["answer"].to_pylist(), today)
        waiting = dict(zip(*(features["load"][name].to_pylist() for name in ("team", "waiting")), strict=True))
        self.teams = Teams(features["service_team"].to_pylist(), waiting, self.now, _zone(features))
        self.products = products(features)
        self.rules = Rules(features["service_rule"].to_pylist())
        self.cost = costs(features["service_cost"])

    def rows(self, tickets: pa.Table) -> list[Row]:
        """Rows with the columns of both tables, in the order of ``tickets``."""
        found = read(self.model, tickets, self.params)
        return [self._row(ticket, found, i) for i, ticket in enumerate(tickets.to_pylist())]

    def _row(self, ticket: Row, found: Read, i: int) -> Row:
        intents = self.model.intents_
        intent, language = found.intent(i, intents, self.params.least_chance), found.languages[i]
        folded = fold(found.texts[i])
        text_words = words(folded)
        rule = self.rules.find(text_words, intent)
        late = _days_late(ticket, self.now)
        soon = urgency_of(folded, late, reopened=ticket["state"] == "reopened", rule=bool(rule and rule["urgent"]))
        mood = feeling_of(text_words, language)
        muffled = unclear(ticket, found.texts[i], self.params.least_heard)
        answer = (
            Answer("", "", False, [], muffled)
            if muffled
            else self.base.find(intent, language, ticket | {"products": self.products.get(ticket["order_id"], ())})
        )
        names = [*(intents[k] for k in found.order[i]), "", "", ""]
        chances = [*found.chances[i], 0.0, 0.0, 0.0]
        chance = chances[0]
        solves = (
            found.known[i] * chance * outcomes.rate(self.model.outcomes_, answer.answer_id) if answer.answer_id else 0.0
        )
        must = _must(rule, found.also[i], ticket)
        decision = decide(ticket["ticket_id"], answer, solves, must, self.cost)
        team = self._team(rule, intent, language)
        hours = self.model.outcomes_["hours"]
        usual = hours.get(intent, hours.get(""))
        return {
            **{name: ticket[name] for name in ("ticket_id", "customer_id", "order_id", "state", "order_value")},
            "opened_at": datetime.fromtimestamp(ticket["opened"] / 1e6, UTC),
            "channel": ticket["channel"] or "",
            "order_state": ticket["order_state"] or "",
            "customer_value": ticket["customer_value"],
            "language": language,
            "intent": intent,
            "chance": chance,
            "known": intent != UNKNOWN,
            "known_chance": found.known[i],
            "second": names[1],
            "second_chance": chances[1],
            "third": names[2],
            "third_chance": chances[2],
            "also": found.also[i],
            "sentiment": mood,
            "urgency": soon,
            "team": team["team"] if team else "",
            "priority": self._priority(ticket, soon, mood, late),
            "expected_hours": None if usual is None else usual + (self.teams.delay(team) if team else 0.0),
            "decision": decision.decision,
            "answer": answer.text,
            "answer_id": answer.answer_id,
            "sources": answer.sources,
            "solves": solves,
            "propensity": decision.propensity,
            "cost": decision.cost,
            "reason": _reason(intent, chance, found, i, rule, late, decision.why),
        }

    def _team(self, rule: Mapping[str, Any] | None, intent: str, language: str) -> Mapping[str, Any] | None:
        """The rule's, if it names one; else by intent, language and room."""
        named = [team for team in self.teams.rows if rule and rule["team"] == team["team"]]
        return named[0] if named else self.teams.of(intent, language)

    def _priority(self, ticket: Row, soon: float, mood: float, late: float | None) -> float:
        """A day's waiting, up to tenfold with urgency; and of what the customer buys in a year the hundredth that haste or anger puts at risk."""
        waiting = 24 * self.cost["hourly"] * (1 + 9 * soon)
        risk = 0.01 * ticket["customer_value"] * max(soon, -mood)
        return float(waiting + risk + (0.05 * (ticket["order_value"] or 0) if late else 0))


def products(features: Mapping[str, pa.Table]) -> dict[str, list[str]]:
    """Ids of the products of each late order."""
    found: dict[str, list[str]] = {}
    for item in features["item"].sort_by([("order_id", "ascending"), ("product_id", "ascending")]).to_pylist():
        found.setdefault(item["order_id"], []).append(item["product_id"])
    return found


def _zone(features: Mapping[str, pa.Table]) -> str:
    """The shop's time zone; UTC where the features do not say."""
    night = features.get("night")
    return str(night["timezone"][0].as_py()) if night is not None and len(night) else "UTC"


def _days_late(ticket: Row, now: int) -> float | None:
    """Days since the promise was broken; None where none was."""
    if ticket["order_state"] != "late" or ticket["promised"] is None:
        return None
    return float((now - ticket["promised"]) / DAY_US)


def unclear(ticket: Row, text: str, least: float) -> str:
    """Why a recording must be listened to, with what was understood; empty: it is clear, or the ticket was written."""
    if not ticket["spoken"]:
        return ""
    if ticket["unheard"]:
        return f"a recording that nobody has heard: {ticket['unheard']}"
    sure = ticket["transcript_confidence"]
    if not text.strip():
        return "no words were understood in the recording"
    if sure is None or sure >= least:
        return ""
    return f"the recording is unclear ({sure:.0%} sure), understood: {_shortened(text)}"


def _shortened(text: str) -> str:
    plain = text.replace(";", ",")  # which parts reasons
    return plain if len(plain) <= _UNDERSTOOD else plain[: _UNDERSTOOD - 1] + "…"


def _must(rule: Mapping[str, Any] | None, also: str, ticket: Row) -> str:
    """Why nothing may be sent by itself; empty: it may."""
    if rule:
        return f"{rule['why']} always goes to a person"
    if also:
        return f"it also asks for: {also}"
    return "the customer came back" if ticket["state"] == "reopened" else ""


def _reason(
    intent: str, chance: float, found: Read, i: int, rule: Mapping[str, Any] | None, late: float | None, why: str
) -> str:
    first = "asks for nothing that is known" if intent == UNKNOWN else f"asks for: {intent} ({chance:.0%})"
    parts = [first]
    if found.refused[i]:
        parts.append(f"does not want: {found.refused[i]}")
    if found.also[i]:
        parts.append(f"also: {found.also[i]}")
    if rule:
        parts.append(f"falls under the rule for {rule['why']}")
    if late is not None:
        parts.append(f"the order is {late:.0f} days late")
    return "; ".join([*parts, why] if why and not why.startswith("it also") else parts)
