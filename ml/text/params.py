"""Parameters of a classifier of texts. Imports nothing heavy: specs build on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextParams:
    """Parameters of :mod:`ml.text.classifier`; the defaults were chosen by cross-validation inside reviews of shops."""

    bits: int = 20
    """N-grams are hashed into ``2 ** bits`` buckets."""
    min_reviews: int = 2
    """An n-gram of fewer texts tells nothing."""
    char_weight: float = 0.7
    """What a text's character n-grams count beside its words."""
    head_weight: float = 0.5
    """What the headline's own n-grams count beside those of the whole."""
    strength: float = 0.4
    """C of the support vector machines: the larger, the closer they follow the training reviews."""
    folds: int = 3
    """Parts of the training reviews, of which the calibration looks at one after the other, each left out of a fit."""
    calibrate_reviews: int = 10_000
    """No further part is looked at after so many reviews: more hardly better the calibration, and each costs a fit."""
    train_reviews: int = 100_000
    """At most so many reviews are learned from, the youngest."""
    lexicon_weight: float = 1.0
    """What an entry of the built-in word list counts beside a review of the shop."""
    network: bool = True
    """False: never train a network beside the linear model."""
    network_least: int = 4_000
    """Fewer training reviews: no network."""
    network_reviews: int = 30_000
    """At most so many reviews are learned from by the network, the youngest."""
    network_bits: int = 17
    network_tokens: int = 80
    """Tokens of a text that the network looks at."""
    network_dimensions: int = 48
    network_filters: int = 64
    network_epochs: int = 3
    network_rate: float = 0.003
    network_seconds: float = 240.0
    """No further epoch is begun after so long."""


@dataclass(frozen=True)
class RidgeParams:
    """Parameters of :mod:`ml.text.ridge`; the defaults were chosen inside the training texts of Banking77."""

    bits: int = 18
    """N-grams are hashed into ``2 ** bits`` buckets."""
    char_weight: float = 1.0
    """What a text's character n-grams count beside its words."""
    head_weight: float = 0.5
    """What the headline's own n-grams count beside those of the whole."""
    penalty: float = 0.1
    """λ: the smaller, the closer the examples are followed."""
    width: float = 5.0
    """γ of the sentence vectors: the larger, the nearer a text must be to count."""
    gram_weight: float = 1.0
    """What the n-grams count beside sentence vectors."""
    most_texts: int = 10_000
    """At most so many texts are learned from: the inverse takes their third power."""


@dataclass(frozen=True)
class IntentParams(RidgeParams):
    """Parameters of :mod:`ml.text.intents`."""

    sentence_model: bool = True
    """Let sentence vectors help where they measure better; False: n-grams alone."""
    better: float = 1.0
    """Standard errors by which they must."""
    network_least: int = 4_000
    """Of fewer texts a network learns nothing that the others do not have."""
    network_epochs: int = 25
    network_seconds: float = 240.0
    """No further epoch is begun after so long."""

    def of_network(self) -> TextParams:
        """Parameters of the network's floor."""
        return TextParams(
            network_epochs=self.network_epochs,
            network_seconds=self.network_seconds,
            network_dimensions=64,
            network_filters=128,
            network_tokens=40,
        )
