"""What a shop decides about its mapping: the meaning of its own words, what currencies are worth, its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml.contract.vocabulary import vocabulary
from ml.core.errors import WrongUse
from ml.shop.ddl import literal, quoted
from ml.shop.platforms._platform import EACH, TOGETHER, Platform


@dataclass(frozen=True)
class Choices:
    """What its status words mean, what a foreign currency is worth in the shop's, and the language of titles."""

    statuses: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    language: str = ""
    """As the platform names it; empty: the platform's own choice."""
    variants: str = ""
    """Whether a product's variants are one product together or each its own; empty: as the platform's page says."""

    def check(self) -> None:
        """Refuse words that the contract does not have, and rates that are none."""
        known = vocabulary("order.status").words
        wrong = [f"{word}={means}" for word, means in self.statuses.items() if means not in known]
        if wrong:
            raise WrongUse(
                "A status may mean one of the contract's words only.",
                came=", ".join(wrong),
                do=f"choose from {', '.join(known)}",
            )
        odd = [f"{code}={rate}" for code, rate in self.rates.items() if not 0 < rate < float("inf")]
        if odd:
            raise WrongUse("A rate is a number above 0.", came=", ".join(odd), do="give it as JPY=0.0061")
        if self.variants not in ("", TOGETHER, EACH):
            raise WrongUse(
                "A product's variants are one product together, or each its own.",
                came=self.variants,
                do=f"--variants {TOGETHER} or --variants {EACH}",
            )

    def fit(self, platform: Platform) -> None:
        """Refuse what the mapping of a platform does not leave open."""
        if self.variants and not platform.variants:
            raise WrongUse(
                f"The mapping of {platform.title} has one way to read variants.",
                came=f"--variants {self.variants}",
                do=f"leave it out; docs/platforms/{platform.name}.md says what a variant counts as",
            )


def select(platform: Platform, name: str, choices: Choices) -> str:
    """Give a block's SELECT with the language and the meaning of variants that were chosen."""
    each = (choices.variants or platform.variants) == EACH
    text = platform.sql[name].rstrip(";").replace("$language", literal(choices.language))
    return text.replace("$each", str(each).lower())


def chosen(names: Sequence[str], sql: str, choices: Choices) -> str:
    """Wrap the SELECT of the orders, whose columns are ``names``, so that the shop's own words and rates hold."""
    if not choices.statuses and not choices.rates:
        return sql
    terms = {name: quoted(name) for name in names}
    if choices.statuses:
        cases = " ".join(f"WHEN {literal(w)} THEN {literal(means)}" for w, means in choices.statuses.items())
        terms["status"] = f"CASE status {cases} ELSE status END AS status"
    if choices.rates:
        cases = " ".join(f"WHEN {literal(code.upper())} THEN {rate!r}" for code, rate in choices.rates.items())
        before = "exchange_rate" if "exchange_rate" in names else "NULL"
        terms["exchange_rate"] = f"CASE currency {cases} ELSE {before} END AS exchange_rate"
    return f"WITH mapped AS (\n{sql}\n)\n\nSELECT {', '.join(terms.values())} FROM mapped"
