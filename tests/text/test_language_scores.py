"""The compiled scores of languages against py3langid itself."""

from __future__ import annotations

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ml.text.language_scores import chances, tables

TEXTS = (
    "Where is my parcel? It should have come on Monday.",
    "WO IST MEIN PAKET",
    "O produto chegou com defeito e quero devolver",
    "¿Dónde está mi pedido? ¡Llevo dos semanas esperando!",
    "你好，我的包裹在哪里",
    "где моя посылка",
    "dobar dan gde je moj paket",
    "ok",
    "123",
    "👍",
    "",
    "Garc\u0327on, l'addition",
)


def test_chances_are_those_of_py3langid() -> None:
    """Each language's, of each text, alone as beside others: in capitals, of few letters, without features, composed anew."""
    theirs = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found, names = chances(TEXTS), tables().languages
    for text, row in zip(TEXTS, found, strict=True):
        wanted = dict(theirs.rank(text))
        assert {name: float(row[names.index(name)]) for name in wanted} == pytest.approx(wanted, abs=1e-4)
        assert (chances([text])[0] == row).all()
    assert chances([]).shape == (0, len(names))
