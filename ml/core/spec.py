"""What a capability says of itself: data only, nothing heavy imported.

A capability is one folder ``ml/capabilities/<name>/`` with the same files in each: ``spec.py`` (a
:class:`Capability` named ``SPEC``), ``features.py``, ``model.py``, ``evaluate.py``, ``score.py``, ``sample.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any, Literal

Kind = Literal["text", "integer", "number", "boolean", "timestamp", "vector"]
"""``vector``: numbers of one length in each row, in published tables only; ``halfvec`` of pgvector in Postgres."""
PublishedKind = Literal[Kind, "texts", "integers", "numbers"]
"""Of a column that the shop reads: also lists, of texts, 32 bit integers and 32 bit floats."""


@dataclass(frozen=True)
class PublishedColumn:
    """One column of a table that the shop reads. ``meaning`` and ``unit`` go into README and COMMENT ON."""

    name: str
    kind: PublishedKind
    meaning: str
    unit: str = ""
    nullable: bool = False
    quotes: bool = False
    """Holds what a customer wrote, in a row that is not about that customer's own review: an erasure empties it."""


@dataclass(frozen=True)
class Published:
    """One table in schema ``ml``. The columns ``batch_id``, ``model_version`` and ``as_of`` are added to each by the view."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[PublishedColumn, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    """Further indexes beside the primary key."""
    nearest: str = ""
    """Column of vectors whose nearest by cosine are to be found fast: it gets an HNSW index."""
    clustered: bool = False
    """Many of these vectors are nearly equal, so that a graph misses the way into their midst: IVFFlat instead, for queries
    that set ``ivfflat.probes``."""
    english: bool = False
    """Its reasons stay English: an SQL function of the capability reads them and adds its own words."""
    for_all: bool = False
    """Its rows belong to no shard: ``score.score_all`` makes them once, after all shards, and may read the rows of these."""

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Example:
    """What the demo shows of a capability at its end: a few rows, as a colleague would like to see them.

    Parameters
    ----------
    title : str
        What the rows are.
    sql : str
        A SELECT over schemas ``ml`` and ``shop``; where the shop is another database, one over ``ml`` alone.
    each : str
        A SELECT with columns ``key`` and ``title``: ``sql`` is asked for each of its rows, with ``%s`` for the key.
    """

    title: str
    sql: str
    each: str = ""


RULE_SET = "rule_set"
"""Column of a table that the staff edits whose rows may belong to a set, which only an arm of an experiment shows."""
ConfigKind = Literal["text", "integer", "number", "boolean", "timestamp", "date"]


@dataclass(frozen=True)
class ConfigColumn:
    """One column of a table that the shop's staff edits.

    ``references`` names a column of the shop (``product.category``) or of another config table
    (``reason_template.language``) in which the value should be found; one that is not is told, not refused.
    """

    name: str
    kind: ConfigKind
    meaning: str
    unit: str = ""
    required: bool = False
    default: str = ""
    """An SQL expression; empty: null."""
    numbered: bool = False
    """Counted up by the database where no value is given."""
    stamped: bool = False
    """A timestamp that the database sets when the row is written or changed without one; null in rows from before it."""
    references: str = ""
    personal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Another column -> its values: in rows with one of these this column holds a person's own (an address), which the
    lake knows only by its keyed hash. What already is such a hash may be written too."""


@dataclass(frozen=True)
class ConfigTable:
    """One table in schema ``ml_config``: what the shop's staff tells a capability, beside what it learns.

    Parameters
    ----------
    checks : mapping of str to str
        What every row must be, in words of at most 63 bytes, and as SQL that Postgres and DuckDB read. Postgres refuses
        an edit that breaks one, with these words.
    rows : tuple of mapping
        Put in once; what staff deletes of them stays deleted.
    examples : mapping of str to str
        What the staff may want, in words, and the SQL that does it.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[ConfigColumn, ...]
    checks: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    examples: Mapping[str, str] = field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Gate:
    """When a challenger is served: its paired difference in ``metric`` is above zero by more than chance.

    ``metric`` is computed per unit (a customer, an order) on events after training; larger is better.
    """

    metric: str
    baseline: str
    horizon: timedelta
    """How far before the night the training of what is judged ends."""
    min_units: int = 30
    confidence: float = 0.95
    enough: int = 0
    """The window begins before ``horizon`` where its truth has fewer rows than this and than a third of all there are."""


@dataclass(frozen=True)
class Guardrail:
    """What a challenger must also hold, however good its gate metric is.

    Parameters
    ----------
    figure : str
        Name of a figure of its evaluation; ``*`` stands for anything, and the worst that fits counts. Also known:
        ``size`` (MB of model files), ``seconds`` (to judge 1,000 units) and ``changed`` (share of units whose gate metric
        differs from the champion's).
    at_least, at_most : float, optional
        Bounds; one or both.
    drop : float, optional
        At most so much worse than the champion's figure; asked only where there is a champion. Larger is better.
    """

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    drop: float | None = None
    why: str = ""


Reaction = Literal["tell", "learn", "hold"]


@dataclass(frozen=True)
class Monitor:
    """How a capability is looked after. Every capability is, without a line of its own; this changes how.

    Parameters
    ----------
    horizons : tuple of timedelta
        After how long a batch is judged by what happened, beside ``gate.horizon``, at which it is held against what the
        gate promised.
    truth, inputs, features, predictions : str
        What follows from a finding of that kind: ``tell`` people, ``learn`` again as well, or ``hold`` the publication.
        What is found in the truth comes too late to hold anything.
    """

    horizons: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=7), timedelta(days=28))
    truth: Literal["tell", "learn"] = "learn"
    inputs: Reaction = "tell"
    features: Literal["tell", "learn"] = "learn"
    predictions: Reaction = "tell"


@dataclass(frozen=True)
class Live:
    """The lane between nights: new rows of some contract tables get their predictions within minutes.

    A run takes what the shop sees (the snapshot of the published batch) and everything that became known since, builds
    the features of the new rows by the capability's own ``features.build(tables, as_of, params, only=keys)`` and scores
    them by its own ``score.score``. ``only`` is an Ibis table of the new rows' keys: features of other rows may be left
    out (and must be where their number would make the lane slow), those of the new rows are the same expressions.
    ``score`` must give a row of ``publishes`` the same values whichever other rows it is scored with.
    """

    keys: Mapping[str, tuple[str, ...]]
    """Contract tables whose new rows are scored, each with its columns that hold the key of ``publishes``, in the order of
    that key. A row without a key (an event outside a cart) asks for nothing."""
    brings: tuple[str, ...]
    """Further contract tables in which something can be new that the features look at."""
    publishes: str
    """Name of the published table that gets the rows."""
    schedule: str = "*/5 * * * *"
    """Cron expression of ``live_<name>`` in the shop's time zone."""
    also: tuple[str, ...] = ()
    """Further published tables with the same key, to which ``score`` gives a row for some of these keys."""
    overlap: timedelta = timedelta(hours=1)
    """Rows are read from so long before the snapshot on: what a slow transaction of the shop wrote late is not missed."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Every contract table that a run reads anew."""
        return *self.keys, *(name for name in self.brings if name not in self.keys)


@dataclass(frozen=True)
class Capability:
    """One question that Nightshift answers for the shop."""

    name: str
    title: str
    question: str
    package: str
    needs: tuple[str, ...]
    """Contract tables without which the capability waits."""
    wants: tuple[str, ...]
    """Contract tables that make it better when the shop has them."""
    publishes: tuple[Published, ...]
    params: Any
    """A frozen dataclass with the defaults of every parameter."""
    gate: Gate
    train_schedule: str
    """Cron expression of ``train_<name>`` in the shop's time zone."""
    thorough: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that the scheduled training changes: what takes too long for a night that trains on its way."""
    config: tuple[ConfigTable, ...] = ()
    """Tables that the shop's staff edits; ``features.build`` finds them beside the contract's, by the same names."""
    functions: tuple[str, ...] = ()
    """SQL files beside ``spec.py`` whose functions the shop calls, or ``package:file`` of a floor; run in this order whenever a
    batch takes the place of another."""
    live: Live | None = None
    """None: tables change at night only."""
    carries: tuple[str, ...] = ()
    """Published or feature tables whose rows of the last night that the same version scored are handed to ``score``
    among the features, as ``before_<table>``, if there is such a night: what has not changed need not be made again."""
    draws: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Feature tables (``truth`` among them) of which a fit gets a sample where ``NIGHTSHIFT_LEARN_CUSTOMERS`` says so (on
    Spark also where memory is short), each with the columns by which a row is drawn: the first that has a value. Customers whose ids' hash is small are drawn, with all
    their rows. Tables that are not named, and all of a capability that names none, are learned from as a whole."""
    cutoffs: tuple[timedelta, ...] = ()
    """How long before the features' time a model also learns from: ``fit`` finds a window for each in
    ``features.windows``, the features as known then with the truth of the ``gate.horizon`` after it."""
    headlines: Mapping[str, str] = field(default_factory=dict)
    """What a night's summary tells of its batches: words, and the SQL over schema ``ml`` that gives the number."""
    examples: tuple[Example, ...] = ()
    """What the demo shows at its end; one without rows, or over a shop that is elsewhere, is left out."""
    monitor: Monitor = Monitor()
    guardrails: tuple[Guardrail, ...] = ()
    approval: bool = False
    """A person must approve a challenger that wins, unless a row of ``ml_config.approval`` says otherwise."""
    skips: Mapping[str, str] = field(default_factory=dict)
    """Contract-test name -> why it does not apply. Each skip needs a reason."""

    @property
    def tables(self) -> tuple[str, ...]:
        return self.needs + self.wants

    @property
    def sharded(self) -> tuple[Published, ...]:
        """The published tables whose rows are made shard by shard."""
        return tuple(table for table in self.publishes if not table.for_all)

    @property
    def for_all(self) -> tuple[Published, ...]:
        """The published tables that are made once, after all shards."""
        return tuple(table for table in self.publishes if table.for_all)

    def script(self) -> str:
        """Text of the SQL files of its functions; empty where it has none."""
        places = [(package or self.package, file) for package, _, file in (n.rpartition(":") for n in self.functions)]
        return "\n".join((resources.files(package) / file).read_text("utf-8") for package, file in places)
