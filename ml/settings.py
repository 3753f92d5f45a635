"""Where everything is. Read from the environment in one place, then passed on as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml.contract.vocabulary import vocabulary
from ml.core import machine
from ml.core.errors import NightshiftError, WrongUse

PROJECT = Path(__file__).resolve().parent.parent
ENGINES = ("duckdb", "spark")
SPEECH = ("whisper", "pocketsphinx")


@dataclass(frozen=True)
class Settings:
    """Settings of one Nightshift.

    ``home`` is the state folder; ``database_url`` the Postgres (libpq URL) that holds ``ml``, ``ml_ops`` and, unless
    ``shop_url`` names another server, ``shop``; ``lake_uri`` a folder or any fsspec URI.
    """

    home: Path
    database_url: str
    shop_url: str
    lake_uri: str
    mlflow_uri: str
    timezone: str
    hash_key: str
    threads: int
    memory_gb: float
    pictures: Path | None = None
    """Folder that the paths of ``shop.product_image`` lead to; ``pictures`` in ``home`` if not given."""
    currency: str = ""
    """The shop's own, as a code of ISO 4217; empty: that of the orders without a rate of exchange."""
    engine: str = ENGINES[0]
    """What computes the features."""
    spark_master: str = ""
    """Empty: Spark in this process, with ``threads``."""
    spark_properties: Path | None = None
    """A file as ``spark-defaults.conf``."""
    recordings: Path | None = None
    """Folder that the paths of ``shop.ticket.audio_uri`` lead to; ``recordings`` in ``home`` if not given."""
    speech: str = ""
    """What transcribes recordings, one of :data:`SPEECH`; empty: they go to people."""
    learn_customers: int = 0
    """Of how many customers a version learns at most; 0: of all, on Spark of as many as ``memory_gb`` holds."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read ``NIGHTSHIFT_*``. Lists every missing name at once."""
        missing = [
            n for n in ("NIGHTSHIFT_HOME", "NIGHTSHIFT_DATABASE_URL", "NIGHTSHIFT_HASH_KEY") if not environ.get(n)
        ]
        if missing:
            raise NightshiftError(
                "Nightshift is not configured.",
                came="not set: " + ", ".join(missing),
                do="start through ./nightshift, which sets them, or set them (docker/.env.example lists all)",
            )
        home = Path(environ["NIGHTSHIFT_HOME"])
        url = environ["NIGHTSHIFT_DATABASE_URL"]
        zone = environ.get("NIGHTSHIFT_TIMEZONE", "UTC")
        check_zone(zone)
        engine = environ.get("NIGHTSHIFT_ENGINE") or ENGINES[0]
        check_engine(engine)
        speech = environ.get("NIGHTSHIFT_SPEECH", "").strip()
        check_speech(speech)
        currency = environ.get("NIGHTSHIFT_CURRENCY", "").strip()
        if currency and not vocabulary("currency").read(currency):
            raise WrongUse(
                "The shop's currency is not known.",
                came=f"NIGHTSHIFT_CURRENCY={currency!r}",
                do="use a code of ISO 4217, as EUR",
            )
        return cls(
            home=home,
            database_url=url,
            shop_url=environ.get("NIGHTSHIFT_SHOP_URL") or url,
            lake_uri=environ.get("NIGHTSHIFT_LAKE_URI") or str(home / "lake"),
            mlflow_uri=environ.get("NIGHTSHIFT_MLFLOW_URI") or url,
            timezone=zone,
            hash_key=environ["NIGHTSHIFT_HASH_KEY"],
            threads=int(environ.get("NIGHTSHIFT_THREADS") or machine.cores()),
            memory_gb=float(environ.get("NIGHTSHIFT_MEMORY_GB") or round(machine.memory_gib() / 2, 2)),
            pictures=Path(environ["NIGHTSHIFT_PICTURES"]) if environ.get("NIGHTSHIFT_PICTURES") else None,
            currency=vocabulary("currency").read(currency) or "",
            engine=engine,
            spark_master=environ.get("NIGHTSHIFT_SPARK_MASTER") or "",
            spark_properties=Path(properties) if (properties := environ.get("NIGHTSHIFT_SPARK_PROPERTIES")) else None,
            recordings=Path(environ["NIGHTSHIFT_RECORDINGS"]) if environ.get("NIGHTSHIFT_RECORDINGS") else None,
            speech=speech,
            learn_customers=_count(environ.get("NIGHTSHIFT_LEARN_CUSTOMERS", "")),
        )

    @property
    def artifacts(self) -> str:
        """URI under which MLflow keeps the files of models: in the lake, where other machines reach them, or in ``home``."""
        return artifact_root(self.lake_uri, self.home)

    def as_of(self, night: date) -> datetime:
        """Start of day ``night`` in the shop's time zone, as a UTC instant: the night knows what was known before it."""
        return begins(night, self.timezone)


def artifact_root(lake_uri: str, home: Path) -> str:
    """URI of MLflow's files: in a lake that MLflow can reach by itself (S3, GCS), else in the state folder.

    Examples
    --------
    >>> artifact_root("s3://shop/lake/", Path("/n"))
    's3://shop/lake/mlflow'
    >>> artifact_root("/n/lake", Path("/n"))
    'file:///n/mlflow/artifacts'
    """
    if lake_uri.startswith(("s3://", "gs://")):
        return f"{lake_uri.rstrip('/')}/mlflow"
    return (home / "mlflow" / "artifacts").absolute().as_uri()


def check_zone(zone: str) -> None:
    """Raise unless ``zone`` is a time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise WrongUse(
            "The time zone is not known.", came=f"NIGHTSHIFT_TIMEZONE={zone!r}", do="use a name like Europe/Paris"
        ) from None


def check_engine(engine: str) -> None:
    """Raise unless ``engine`` is one that a night can run on."""
    if engine not in ENGINES:
        raise WrongUse(
            "There is no such engine.", came=f"NIGHTSHIFT_ENGINE={engine!r}", do=f"use {' or '.join(ENGINES)}"
        )


def _count(text: str) -> int:
    """Read a number of customers; empty is 0."""
    text = text.strip() or "0"
    if not text.isdigit():
        raise WrongUse(
            "The number of customers to learn from is none.",
            came=f"NIGHTSHIFT_LEARN_CUSTOMERS={text!r}",
            do="write a whole number, or nothing: then memory decides",
        )
    return int(text)


def check_speech(speech: str) -> None:
    """Raise unless ``speech`` is empty or an engine that reads recordings."""
    if speech and speech not in SPEECH:
        raise WrongUse(
            "There is no such engine for recordings.",
            came=f"NIGHTSHIFT_SPEECH={speech!r}",
            do=f"use {' or '.join(SPEECH)}; empty: recordings are not transcribed",
        )


def begins(night: date, zone: str) -> datetime:
    """Start of day ``night`` in the time zone ``zone``, in UTC."""
    return datetime.combine(night, time(), ZoneInfo(zone)).astimezone(UTC)


def refuse_future(night: date, zone: str, now: datetime) -> None:
    """Raise unless the day ``night`` has begun in the time zone ``zone``: nobody knows yet what it would know."""
    if begins(night, zone) > now:
        today = now.astimezone(ZoneInfo(zone)).date()
        raise WrongUse(
            f"The night of {night} lies in the future.",
            came=f"{night}; today is {today} ({zone})",
            do=f"ask for {today} or an earlier night: a night works on what was known when its day began",
        )
