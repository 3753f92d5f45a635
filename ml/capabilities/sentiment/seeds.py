"""What reviews are about, in the words of six languages. Data only: the first rows of ``ml_config.aspect_word``.

Words are written without capitals and accents; a word that ends in ``*`` stands for all that begin so, and a phrase of
up to three words for itself.
"""

from __future__ import annotations

from collections.abc import Mapping

ASPECT_WORDS: Mapping[str, str] = {
    "delivery": (
        "deliver*, shipp*, courier*, postal, postman, dispatch*, arrived late, on time, late, "  # en
        "entreg*, frete, transportador*, correio*, prazo, envio*, enviad*, enviaram, atras*, chegou, chegar, recebi antes, "  # pt
        "nao recebi, nao chegou, rastre*, "
        "liefer*, versand*, zustell*, kurier*, paketdienst, bote, verspat*, "  # de
        "entrega*, transportista*, mensajer*, llego, llegar, retras*, "  # es
        "livr*, expedi*, colissimo, transporteur*, retard*, "  # fr
        "consegn*, spedi*, corriere, ritard*"  # it
    ),
    "size": (
        "size*, sizing, fit, fits, fitted, fitting, tight, loose, too small, too big, too large, runs small, runs large, cut, "
        "tamanho*, numeracao, medida*, caimento, modelagem, serviu, apertad*, larg*, "
        "grosse*, passform, passt, sitzt, schnitt, "
        "talla*, tamano*, ajust*, "
        "taille*, coupe, taglia, taglie, misura, vestibilita"
    ),
    "quality": (
        "quality, material*, fabric*, finish, durab*, broke, broken, defect*, faulty, well made, sturdy, stopped working, "
        "cheaply made, stitching, seam*, "
        "qualidade, tecido*, acabamento, durav*, defeit*, quebr*, estrag*, rasg*, nao funciona, fragil, resistente, "
        "qualitat, verarbeitung, stoff, haltbar*, defekt*, kaputt, kaputtgegangen, "
        "calidad, tela, acabado, rompio, roto, "
        "qualite, tissu, finition*, casse*, abime*, qualita, tessuto, rott*, difettos*"
    ),
    "price": (
        "price*, value, cost, costs, expensive, overpriced, bargain, pricey, cheap price, what you pay, worth the money, "
        "preco*, valor, custo, caro, cara, barat*, promocao, "
        "preis*, teuer, gunstig*, was man zahlt, geld wert, "
        "precio*, coste, barato, "
        "prix, cher, chere, rapport qualite, prezz*, costo, costos*, economic*"
    ),
    "service": (
        "customer service, service, support, hotline, customer care, staff, helpline, refund*, seller*, vendor, replied, "
        "atendimento, suporte, vendedor*, sac, reembols*, loja, resposta, responder*, respondeu, assistencia, o apoio, apoio, "
        "central de, "
        "kundenservice, kundendienst, kundenbetreuung, hotline, verkaufer, erstatt*, service, "
        "atencion al cliente, servicio, vendedor*, soporte, "
        "service client, sav, vendeur*, rembours*, assistenza, venditore, rimbors*, servizio clienti"
    ),
    "packaging": (
        "packag*, packed, packing, box, boxed, parcel, wrapping, bubble wrap, padded, "
        "embalag*, embalad*, caixa, pacote, embrulh*, plastico bolha, "
        "verpack*, karton, paket, schachtel, "
        "embalaje, paquete, caja, empaquetad*, "
        "emballage*, carton, colis, emballe*, imballag*, confezione, pacco, scatola"
    ),
}
"""By aspect; the shop renames, adds and deletes in ``ml_config.aspect_word``."""

CONTRAST = (
    "but, however, although, though, yet, except, unfortunately, "
    "mas, porem, contudo, entretanto, todavia, embora, infelizmente, so que, "
    "aber, jedoch, allerdings, obwohl, leider, doch, "
    "pero, aunque, sin embargo, desafortunadamente, "
    "mais, cependant, malheureusement, pourtant, ma, pero, tuttavia, purtroppo, sebbene"
)
"""A new clause begins with each of these words."""

AND = "and, e, und, y, et, also, alem disso, ausserdem"
"""A new clause may begin with each of these."""


def words(text: str) -> tuple[str, ...]:
    """The words and phrases of one of these texts, each once, in order."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
