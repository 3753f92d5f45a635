"""What reviews are about, in the words of seven languages. Data only: the first rows of ``ml_config.aspect_word``.

Words are written without capitals and accents; a word that ends in ``*`` stands for all that begin so, and a phrase of
up to three words for itself. A word of Chinese is a phrase of its characters.
"""

from __future__ import annotations

from collections.abc import Mapping

ASPECT_WORDS: Mapping[str, str] = {
    "delivery": (
        "deliver*, shipp*, courier*, postal, postman, dispatch*, "  # en
        "entreg*, frete, transportador*, correio*, prazo, envio*, nao recebi, nao chegou, rastre*, "
        "liefer*, versand*, zustell*, kurier*, paketdienst, bote, "  # de
        "entrega*, transportista*, mensajer*, "  # es
        "livraison*, livre, expedi*, colissimo, transporteur*, "  # fr
        "consegn*, spedi*, corriere, "  # it
        "快递*, 物流*, 发货*, 送货*, 配送*, 到货*"  # zh
    ),
    "size": (
        "size*, sizing, fit, fits, fitted, fitting, cut, "
        "tamanho*, numeracao, medida*, caimento, modelagem, corte, "
        "große*, grosse*, passform, passt, sitzt, schnitt, "
        "talla*, tamano*, ajust*, "
        "taille*, coupe, taglia, taglie, misura, vestibilita, "
        "尺寸*, 尺码*, 大小, 版型*"
    ),
    "quality": (
        "quality, material*, fabric*, finish, durab*, workmanship, stitching, seam*, "
        "qualidade, tecido*, acabamento, durabilidade, defeito*, "
        "qualitat, verarbeitung, stoff, haltbarkeit, material, "
        "calidad, tela, acabado, "
        "qualite, tissu, finition*, qualita, tessuto, finitura, "
        "质量*, 做工*, 材质*, 面料*, 品质*"
    ),
    "price": (
        "price*, value, cost, costs, you pay, for the money, "
        "preco*, valor, custo, promocao, que se paga, "
        "preis*, kosten, es kostet, man zahlt, "
        "precio*, coste, "
        "prix, prezz*, costo, "
        "价格*, 价钱*, 性价*"
    ),
    "service": (
        "customer service, service, support, hotline, customer care, staff, helpline, seller*, vendor, "
        "atendimento, suporte, vendedor*, sac, reembolso*, loja, assistencia, apoio, central de, "
        "kundenservice, kundendienst, kundenbetreuung, verkaufer, "
        "atencion al cliente, servicio, vendedor*, soporte, "
        "service client, sav, vendeur*, assistenza, venditore, servizio clienti, "
        "客服*, 售后*, 服务*, 卖家*, 店家*"
    ),
    "packaging": (
        "packag*, packing, box, boxes, parcel, wrapping, bubble wrap, "
        "embalag*, caixa, pacote, embrulho, plastico bolha, "
        "verpackung*, karton, paket, schachtel, "
        "embalaje, paquete, caja, "
        "emballage*, carton, colis, imballag*, confezione, pacco, scatola, "
        "包装*, 盒子, 纸箱"
    ),
}
"""By aspect; the shop renames, adds and deletes in ``ml_config.aspect_word``."""

ASPECT_HINTS: Mapping[str, str] = {
    "delivery": (
        "late, on time, arrived, arrive, came quickly, fast, slow, chegou, chegar, rapid*, demor*, atras*, enviad*, enviaram, "
        "verspat*, angekommen, ankam, schnell, llego, retras*, arrive, retard*, ritard*, arrivato, 很快, 太慢, 收到"
    ),
    "size": (
        "tight, loose, too small, too big, too large, runs small, runs large, serviu, apertad*, larg*, pequen*, curto, "
        "zu klein, zu groß, zu eng, zu weit, pequeño, grande, petit, piccolo, 偏大, 偏小, 太大, 太小"
    ),
    "quality": (
        "broke, broken, breaks, defective, faulty, well made, sturdy, durable, stopped working, fell apart, flimsy, "
        "quebr*, estrag*, rasg*, nao funciona, fragil, resistente, kaputt, kaputtgegangen, defekt*, haltbar, "
        "rompio, roto, casse*, abime*, rott*, difettos*, 坏了, 破了, 结实, 耐用"
    ),
    "price": (
        "expensive, overpriced, bargain, pricey, cheap, caro, cara, barat*, teuer, gunstig*, uberteuert, geld wert, cher, "
        "chere, economic*, 太贵, 便宜, 划算, 实惠"
    ),
    "service": "refund*, replied, answered, rude, helpful, responder*, respondeu, erstatt*, rembours*, rimbors*, 退款*, 态度*",
    "packaging": "packed, boxed, padded, wrapped, crushed, dented, embalad*, embrulhad*, amassad*, verpackt, empaquetad*, emballe*",
}
"""Words that speak of an aspect where no word of :data:`ASPECT_WORDS` does: 'it came late', but not 'the price came late'."""
