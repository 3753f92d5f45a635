"""Small words that shape a text in any subject, by language: what turns a word round, begins a clause, or says nothing.

Words are written without capitals and accents. A word of Chinese or Japanese is a phrase of its characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CONTRAST: Mapping[str, str] = {
    "en": "but, however, although, though, yet, except, unfortunately",
    "pt": "mas, porem, contudo, entretanto, todavia, embora, infelizmente, so que",
    "de": "aber, jedoch, allerdings, obwohl, leider, doch",
    "es": "pero, aunque, sin embargo, desafortunadamente",
    "fr": "mais, cependant, malheureusement, pourtant",
    "it": "ma, pero, tuttavia, purtroppo, sebbene",
    "nl": "maar, echter, hoewel, helaas",
    "pl": "ale, jednak, niestety, chociaz",
    "ru": "но, однако, хотя, к сожалению",
    "tr": "ama, fakat, ancak, maalesef",
    "id": "tapi, tetapi, namun, sayangnya",
    "vi": "nhung, tuy nhien",
    "ar": "لكن, ولكن, للاسف",
    "ja": "しかし, けど, けれど, ですが",
    "ko": "하지만, 그런데, 그러나, 근데",
    "zh": "但, 但是, 不过, 可是, 然而",
}
"""A new clause begins with each of these words."""

AND: Mapping[str, str] = {
    "en": "and, also",
    "pt": "e, alem disso",
    "de": "und, ausserdem",
    "es": "y",
    "fr": "et",
    "it": "e",
    "nl": "en, ook",
    "pl": "i, oraz",
    "ru": "и",
    "tr": "ve",
    "id": "dan",
    "vi": "va",
    "ar": "و",
    "ko": "그리고",
    "zh": "而且, 还有",
    "ja": "そして",
}
"""A new clause may begin with each of these."""

ORDER: Mapping[str, str] = {
    "en": (
        "order, orders, ordered, ordering, arrived, arrive, arrives, came, come, received, receive, delivery, delivered, shipping, "
        "shipped, ship, package, parcel, product, item, items, purchase, purchased, bought, buy, seller, shop, store, company, "
        "price, paid, pay, customer, amazon, packed, sent"
    ),
    "pt": "pedido, compra*, comprei, chegou, chegar, recebi, receb*, entreg*, envio, produto, produtos, paguei, loja, veio",
    "de": "bestell*, ankam, angekommen, kam, erhalten, geliefert, lieferung, versand, artikel, produkt, ware, gekauft, verkaufer, kauf",
    "es": "pedido, compra, compre, llego, llegar, recibi, recibido, entrega, envio, producto, articulo, pague, tienda, vino",
    "fr": "commande*, achat, achete, arrive, recu, livraison, expedition, envoi, produit, article, paye, magasin, colis",
    "it": "ordine, ordinato, acquist*, comprato, arrivato, arrivata, ricevuto, consegna, spedizione, prodotto, articolo, pagato, negozio",
    "nl": "bestel*, besteld, gekocht, aangekomen, ontvangen, levering, geleverd, product, artikel, betaald, winkel, verzending",
    "pl": "zamow*, zamowien*, kupil*, zakup*, przyszl*, otrzymal*, dostaw*, wysylk*, produkt*, towar*, zaplacil*, sklep*",
    "ru": "заказ*, купил*, покупк*, пришел, пришла, пришло, получил*, доставк*, товар*, магазин*, продавец",
    "tr": "siparis*, aldim, aldik, geldi, ulasti, teslim*, kargo*, urun*, satici*, magaza*",
    "id": "pesan*, pesanan, beli, dibeli, sampai, datang, terima, pengiriman, barang*, produk*, toko*",
    "vi": "don hang, dat hang, mua, nhan hang, giao hang, san pham, shop",
    "ar": "طلب*, الطلب*, اشتريت*, وصل*, استلمت*, توصيل*, المنتج*, منتج*, المتجر",
}
"""Words that say that an order is spoken of."""

EMPTY: Mapping[str, str] = {
    "en": (
        "a, an, the, this, that, these, those, it, its, it's, i, i'm, i've, me, my, we, our, you, your, he, she, they, them, their, is, "
        "am, are, was, were, be, been, being, has, have, had, do, does, did, to, of, in, on, at, by, for, from, with, as, than, then, so, "
        "or, if, when, while, which, who, what, there, here, will, would, can, could, should, just, about, into, out, up, down, over, "
        "some, any, all, other, more, most, one, two, very, really, too, also, only, even, still, again, because, after, before, both"
    ),
    "pt": (
        "o, a, os, as, um, uma, uns, umas, de, do, da, dos, das, em, no, na, nos, nas, por, pelo, pela, para, pra, com, que, se, ja, eu, "
        "me, meu, minha, ele, ela, eles, isso, isto, esse, essa, este, esta, foi, era, e, sao, ser, estar, esta, estava, tem, tinha, "
        "ao, aos, ate, como, mais, muito, quando, tambem, so, depois, antes, ainda, seu, sua, ou, porque"
    ),
    "de": (
        "der, die, das, den, dem, des, ein, eine, einen, einem, einer, es, ich, wir, sie, er, mir, mich, uns, mein, meine, ist, sind, war, "
        "waren, wird, wurde, hat, habe, haben, hatte, zu, zum, zur, von, vom, mit, im, in, an, am, auf, aus, bei, fur, als, wie, dass, "
        "auch, nur, noch, schon, so, sehr, wenn, da, hier, dieser, diese, dieses, man, oder, nach, vor"
    ),
    "es": (
        "el, la, los, las, un, una, unos, unas, de, del, al, en, por, para, con, que, se, me, mi, lo, le, es, son, era, fue, ser, estar, "
        "esta, este, esto, esa, ese, eso, ha, he, muy, mas, como, ya, pero, o, su, sus, yo, cuando, tambien, porque"
    ),
    "fr": (
        "le, la, les, l, un, une, des, de, du, d, au, aux, en, dans, par, pour, avec, que, qui, se, ce, cet, cette, ces, c'est, j'ai, je, "
        "il, elle, ils, nous, vous, mon, ma, mes, son, sa, ses, est, sont, etait, a, ai, as, plus, tres, comme, ou, sur, y, quand, aussi"
    ),
    "it": (
        "il, lo, la, i, gli, le, un, una, uno, di, del, della, dei, a, al, alla, in, nel, nella, da, dal, con, per, che, si, e, sono, era, "
        "ho, ha, mi, mio, mia, questo, questa, quello, piu, molto, come, anche, o, su"
    ),
    "nl": "de, het, een, van, in, op, te, met, voor, is, was, zijn, ik, je, we, dat, dit, die, er, om, aan, bij, als, ook, heel, erg, of",
    "pl": "i, w, we, z, ze, na, do, od, po, za, o, to, ten, ta, te, tego, jest, sa, byl, byla, bylo, sie, ja, mi, mnie, jak, ze, a, bardzo, tylko",
    "ru": "и, в, во, на, с, со, к, по, из, за, от, до, у, о, это, этот, эта, я, мы, вы, он, она, оно, мне, что, как, так, был, была, было, очень, же",
    "tr": "bir, bu, su, o, ve, de, da, ile, icin, cok, gibi, ben, biz, mi, ne, ki, daha, en, her",
    "id": "yang, di, ke, dari, ini, itu, dan, untuk, dengan, saya, kami, ada, juga, sudah, sangat, nya, pada, akan",
    "vi": "la, va, cua, cho, voi, cac, nhung, mot, nay, do, minh, toi, thi, ma, o, da, se, rat, co",
    "ar": "في, من, على, الى, عن, مع, هذا, هذه, ان, انا, هو, هي, كان, كانت, ما, جدا, و",
    "ja": "の, に, は, を, が, と, も, で, へ, です, ます, した, この, その",
    "zh": "的, 了, 是, 我, 在, 就, 也, 都, 和, 这, 那, 有, 很, 个",
}
"""Words that say nothing of what is felt: never told as a reason."""


NEGATORS = (
    "not",
    "never",
    "cannot",
    "without",
    "nao",
    "nunca",
    "jamais",
    "nem",
    "sem",
    "nicht",
    "nie",
    "niemals",
    "kein",
    "keine",
    "keinen",
    "keinem",
    "ohne",
    "pas",
    "sans",
    "non",
    "sin",
    "senza",
    "不",
    "没",
    "沒",
    "无",
    "無",
    "未",
)
"""Words that turn round what follows. Not among them: 'no', which is 'in the' in Portuguese."""


def words(text: str) -> tuple[str, ...]:
    """The words and phrases of one of these texts, each once, in order."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def words_of(lists: Mapping[str, str], languages: Iterable[str] | None) -> tuple[str, ...]:
    """The words of some languages; None: of all."""
    chosen = lists if languages is None else sorted(set(languages) & set(lists))
    return tuple(dict.fromkeys(word for language in chosen for word in words(lists[language])))
