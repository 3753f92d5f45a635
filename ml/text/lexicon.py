"""A few hundred words whose feeling needs no shop to teach it: what a model knows before the first review.

They are tiny reviews (of weight :attr:`Params.lexicon_weight`) beside the shop's own, so that a shop whose reviews are
all of one kind still has a model of three classes; alone they are the gate's baseline, the word list. Any shop's own
stars overrule them soon.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml.text.function_words import words

GOOD = {
    "en": (
        "good, great, excellent, perfect, love it, loved, amazing, beautiful, happy, very happy, satisfied, recommend, "
        "recommended, fast, on time, comfortable, soft, awesome, fantastic, wonderful, best, works well, solid, helpful, "
        "nice, exactly as described, worth it, fair price, well made, thank you, pleased, lovely, stylish, better than expected"
    ),
    "pt": (
        "bom, boa, otimo, otima, excelente, perfeito, perfeita, adorei, amei, maravilhoso, lindo, linda, feliz, satisfeito, "
        "satisfeita, recomendo, super recomendo, rapido, rapida, antes do prazo, no prazo, gostei, gostei muito, muito bom, "
        "parabens, melhor, confiavel, de qualidade, conforme o anuncio, bem embalado, barato, obrigado, nota 10"
    ),
    "de": (
        "gut, sehr gut, super, toll, perfekt, ausgezeichnet, hervorragend, schon, zufrieden, sehr zufrieden, empfehlenswert, "
        "schnell, punktlich, freundlich, hilfreich, bequem, gerne wieder, top, klasse, einwandfrei, liebe es, gunstig, danke"
    ),
    "es": (
        "bueno, buena, excelente, perfecto, perfecta, encanta, genial, contento, satisfecho, recomiendo, rapido, maravilloso, "
        "bonito, muy bien, mejor, gracias"
    ),
    "fr": (
        "bon, bonne, excellent, parfait, parfaite, super, adore, genial, content, satisfait, recommande, rapide, magnifique, "
        "tres bien, merci, meilleur"
    ),
    "it": (
        "buono, buona, ottimo, ottima, eccellente, perfetto, bellissimo, contento, soddisfatto, consiglio, veloce, grazie, "
        "molto bene, migliore"
    ),
    "zh": (
        "好, 很好, 不错, 满意, 喜欢, 推荐, 值得, 漂亮, 舒服, 方便, 很快, 便宜, 正品, 划算, 好用, 好评, 开心, 完美, 精彩, 质量好"
    ),
    "": "😀, 😃, 😍, 🥰, 👍, ❤️, 😊, 🎉, 💯, 🙂, ⭐, 🤩, 😁, 👏",
}
"""By language; the empty one: any."""

BAD = {
    "en": (
        "bad, terrible, awful, horrible, poor, poor quality, disappointed, very disappointed, broken, broke, defective, late, "
        "never arrived, slow, rude, waste of money, do not buy, not recommend, would not recommend, return it, returned, refund, "
        "wrong, too small, cheap quality, worst, hate it, useless, damaged, not worth it, rip off, scam, ugly, not good, "
        "not happy, not as described, missing, stopped working, dirty, itchy"
    ),
    "pt": (
        "ruim, pessimo, pessima, horrivel, terrivel, decepcionado, decepcionada, decepcao, quebrado, defeito, com defeito, "
        "atrasado, atraso, nao recebi, nao chegou, demora, demorou, nao gostei, nao recomendo, dinheiro de volta, veio errado, "
        "errado, faltando, falta, pior, enganosa, propaganda enganosa, descaso, nunca mais, ma qualidade, pequeno demais, "
        "nao funciona, nao e bom, insatisfeito, lixo, devolver, caro demais"
    ),
    "de": (
        "schlecht, sehr schlecht, enttauscht, enttauschend, kaputt, defekt, zu spat, nie angekommen, langsam, unfreundlich, "
        "geldverschwendung, nicht gut, nicht empfehlenswert, nie wieder, falsch, zu klein, mangelhaft, schrott, zuruck, "
        "beschadigt, furchtbar, nicht zufrieden, uberteuert, zu teuer"
    ),
    "es": (
        "malo, mala, pesimo, horrible, terrible, decepcionado, roto, defectuoso, tarde, nunca llego, lento, no recomiendo, "
        "peor, no funciona, caro, mal"
    ),
    "fr": (
        "mauvais, mauvaise, horrible, nul, decu, decue, casse, defectueux, en retard, jamais recu, lent, pas bon, "
        "ne recommande pas, pire, cher, arnaque"
    ),
    "it": (
        "cattivo, pessimo, pessima, orribile, deluso, delusa, rotto, difettoso, in ritardo, mai arrivato, lento, "
        "non consiglio, peggiore, non funziona, truffa"
    ),
    "zh": (
        "差, 很差, 太差, 失望, 糟糕, 垃圾, 坏了, 破损, 退货, 退款, 假货, 不好, 不满意, 不推荐, 不值, 难看, 难用, 太慢, 太贵, "
        "差评, 后悔, 不能用"
    ),
    "": "😡, 👎, 😞, 😠, 😢, 😭, 🤮, 💩, 😤, 🤬, 😒, 💔",
}

SO_SO = {
    "en": "okay, ok, average, so so, nothing special, decent, fine, acceptable, mixed feelings, it is okay, not bad not great",
    "pt": "mais ou menos, razoavel, regular, ok, medio, nada demais, aceitavel, poderia ser melhor, esperava mais",
    "de": "geht so, durchschnittlich, mittelmassig, in ordnung, okay, nichts besonderes, naja, akzeptabel",
    "es": "regular, mas o menos, normal, aceptable, pasable",
    "fr": "moyen, correct, passable, sans plus, bof",
    "it": "cosi cosi, nella media, accettabile, discreto",
    "zh": "一般, 一般般, 还行, 还可以, 凑合, 普通",
    "": "😐, 🤷, 😕, 🫤",
}


NOT = {"en": "not", "pt": "não", "de": "nicht", "es": "no", "fr": "pas", "it": "non"}
"""What turns a good word into a bad one, and a bad one into a good one."""


def examples() -> Iterator[tuple[str, int]]:
    """Each word or phrase with its class: 0 negative, 1 neutral, 2 positive.

    With a 'not' before it a good word or phrase is bad, and a bad word is good ('not slow'). What is bad in several words
    has its 'not' already, or means little with one ('not a waste of money').
    """
    for language, negation in NOT.items():
        for word in words(GOOD[language]):
            yield f"{negation} {word}", 0
        for word in words(BAD[language]):
            if " " not in word:
                yield f"{negation} {word}", 2
    for label, lists in enumerate((BAD, SO_SO, GOOD)):
        for text in lists.values():
            for word in words(text):
                yield word, label
