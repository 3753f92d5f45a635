"""What reviews are about, in eighteen languages. Data only: the first rows of ``ml_config.aspect_word``.

By aspect and language, words that name the aspect; then hints, which speak of it only where a clause names none ('it came
late', but not 'the price came late'); then words that do so only beside a word of the order (:data:`ml.text.function_words.ORDER`):
'came fast', but not 'runs fast'. Words are written without capitals and accents; one that ends in ``*`` stands for all that
begin so, and a phrase for itself. A word of Chinese or Japanese is a phrase of its characters; one of Thai is found inside
a line. A word counts in texts of its language alone: French 'livré' is delivered, Portuguese 'livre' is free.
"""

from __future__ import annotations

from collections.abc import Mapping

Lists = Mapping[str, Mapping[str, str]]

ASPECT_WORDS: Lists = {
    "delivery": {
        "en": "delivery, deliveries, delivered, shipping, shipment*, courier*, postal, postman, dispatch*",
        "pt": "entreg*, frete, transportador*, correio*, prazo, envio*, nao recebi, nao chegou, rastre*",
        "de": "liefer*, versand*, zustell*, kurier*, paketdienst, paketbote",
        "es": "entrega*, envio*, transportista*, mensajer*",
        "fr": "livraison*, expedi*, colissimo, transporteur*",
        "it": "consegn*, spedi*, corriere",
        "nl": "levering*, geleverd, bezorg*, verzend*, koerier*, postnl",
        "pl": "dostaw*, wysylk*, przesylk*, kurier*, doreczen*",
        "ru": "доставк*, доставил*, курьер*, отправк*, посылк*",
        "tr": "kargo*, teslim*, kurye*, gonderi*",
        "id": "pengiriman*, kirim*, dikirim*, kurir*, ekspedisi*, ongkir",
        "vi": "giao hang, van chuyen, ship hang, shipper",
        "ar": "توصيل*, التوصيل*, شحن*, الشحن*, المندوب",
        "th": "จัดส่ง*, ส่งของ*, ขนส่ง*, การส่ง*, ส่งเร็ว*, ส่งช้า*",
        "ja": "配送, 配達, 発送, 届く, 届き, 届いた, 到着, 送料",
        "ko": "배송*, 택배*, 배달*",
        "zh": "快递*, 物流*, 发货*, 送货*, 配送*, 到货*",
    },
    "size": {
        "en": "size, sizes, sizing, sized, fit, fits, fitted, fitting",
        "pt": "tamanho*, numeracao, medida, medidas, caimento, modelagem",
        "de": "große, großen, großer, grosse, passform, sitzt, konfektionsgr*",
        "es": "talla, tallas, tallaje, tamano*",
        "fr": "taille, tailles, pointure*",
        "it": "taglia, taglie, vestibilita",
        "nl": "maat, maten, pasvorm",
        "pl": "rozmiar*, rozmiarowk*",
        "ru": "размер*, маломер*, большемер*",
        "tr": "beden*, numara, boyut*, kalibi, kalip",
        "id": "ukuran*, size",
        "vi": "kich thuoc, kich co, size, co ao",
        "ar": "مقاس*, المقاس*, قياس*, القياس*, الحجم",
        "th": "ขนาด*, ไซส์*, ไซด์*",
        "ja": "サイズ, 大きさ, 寸法",
        "ko": "사이즈*, 크기*, 치수*",
        "zh": "尺寸*, 尺码*, 大小, 版型*",
    },
    "quality": {
        "en": "quality, material, materials, fabric*, finish, durab*, workmanship, stitching, seam, seams",
        "pt": "qualidade, material, materiais, tecido*, acabamento, durabilidade, defeito*",
        "de": "qualitat*, verarbeitung, stoff, haltbarkeit, material",
        "es": "calidad, tela, acabado*, material, materiales",
        "fr": "qualite*, tissu*, finition*",
        "it": "qualita, tessuto, finitura, finiture",
        "nl": "kwaliteit*, afwerking, stof, materiaal",
        "pl": "jakosc*, jakosci*, wykonanie, material, materialu, tkanin*",
        "ru": "качеств*, ткань, ткани, материал*, швы, сборка",
        "tr": "kalite*, kumas*, malzeme*, iscilik*",
        "id": "kualitas*, bahan, bahannya, jahitan*",
        "vi": "chat luong, chat lieu, chat vai, duong may",
        "ar": "جودة*, الجودة*, جوده*, الجوده*, خامة*, الخامة*, القماش",
        "th": "คุณภาพ*, เนื้อผ้า*, วัสดุ*",
        "ja": "品質, 質感, 素材, 生地, 縫製, 作り",
        "ko": "품질*, 퀄리티*, 재질*, 소재*, 마감*",
        "zh": "质量*, 做工*, 材质*, 面料*, 品质*",
    },
    "price": {
        "en": "price, prices, priced, pricing, pricey, value, cost, costs, value for money, for the price, you pay, for the money",
        "pt": "preco*, custo, valor, custo beneficio, promocao, que se paga",
        "de": "preis, preise, preislich, preisleistung*, preis leistung, es kostet, man zahlt",
        "es": "precio*, relacion calidad precio, coste",
        "fr": "prix, rapport qualite prix",
        "it": "prezzo, prezzi, qualita prezzo",
        "nl": "prijs, prijzen, prijskwaliteit*",
        "pl": "cena, ceny, cene, cenie",
        "ru": "цена, цены, цену, цене, стоимост*",
        "tr": "fiyat*, ucret*",
        "id": "harga*",
        "vi": "gia ca, gia tien, gia re, gia cao, dang tien",
        "ar": "سعر*, السعر*, الثمن, قيمة مقابل",
        "th": "ราคา*, คุ้มค่า*, คุ้มราคา*",
        "ja": "価格, 値段, コスパ, お値打ち",
        "ko": "가격*, 가성비*, 값이",
        "zh": "价格*, 价钱*, 性价*",
    },
    "service": {
        "en": "customer service, service, staff, customer support, customer care, hotline, helpline, seller, sellers, vendor",
        "pt": "atendimento, suporte, vendedor*, sac, reembolso*, assistencia, central de",
        "de": "kundenservice, service, kundendienst, kundenbetreuung, verkaufer, hotline",
        "es": "servicio, atencion al cliente, servicio al cliente, vendedor*, soporte",
        "fr": "service client, sav, vendeur*",
        "it": "assistenza, servizio, venditore, venditori, servizio clienti",
        "nl": "klantenservice*, service, verkoper*, klantendienst",
        "pl": "obslug*, sprzedawc*, sprzedajac*",
        "ru": "продавец, продавц*, поддержк*, обслуживан*",
        "tr": "satici*, musteri hizmet*",
        "id": "penjual*, pelayanan*, seller*, respon*",
        "vi": "nguoi ban, cham soc khach, phuc vu, tu van",
        "ar": "خدمة العملاء, البائع, بائع, الدعم",
        "th": "บริการ*, ร้านค้า*, แม่ค้า*, พ่อค้า*, คนขาย*",
        "ja": "対応, サービス, 出品者, 販売者, サポート",
        "ko": "서비스*, 판매자*, 고객센터*, 응대*",
        "zh": "客服*, 售后*, 服务*, 卖家*, 店家*",
    },
    "packaging": {
        "en": "packaging, packaged, packing, parcel, wrapping, bubble wrap",
        "pt": "embalag*, pacote, embrulho, plastico bolha",
        "de": "verpackung*, karton, paket, schachtel",
        "es": "embalaje, empaque, paquete",
        "fr": "emballage*, carton, colis",
        "it": "imballag*, confezione, pacco, scatola",
        "nl": "verpakking*, verpakt, doos",
        "pl": "opakowani*, zapakowan*, pudelk*",
        "ru": "упаковк*, упаковал*, упакован*, коробк*",
        "tr": "paket, paketi, paketleme*, ambalaj*, kutu, kutusu",
        "id": "kemasan*, packing*, packaging*, bungkus*, dibungkus",
        "vi": "dong goi, bao bi, hop dung",
        "ar": "تغليف*, التغليف*, العلبة, الكرتون",
        "th": "แพ็ค*, บรรจุภัณฑ์*, กล่อง*, ห่อ*",
        "ja": "梱包, 包装, パッケージ, 箱",
        "ko": "포장*, 박스*, 상자*",
        "zh": "包装*, 盒子, 纸箱",
    },
}
"""By aspect and language; the shop renames, adds and deletes in ``ml_config.aspect_word``."""

ASPECT_HINTS: Lists = {
    "delivery": {
        "en": "arrived late, came late, on time, came quickly, never arrived, took weeks, took forever",
        "pt": "chegou, chegar, demor*, atras*, enviad*, enviaram",
        "de": "verspat*, angekommen, ankam", "es": "llego, llegar, retras*", "fr": "retard*, recu rapidement",
        "it": "ritard*, arrivato, arrivata", "nl": "te laat, op tijd", "pl": "przyszlo, przyszla, opoznien*",
        "ru": "пришло, пришел, пришла, пришли", "tr": "geldi, gec geldi, hizli geldi", "id": "sampai, datang",
        "ja": "遅い, 遅れ, 早かった", "ko": "도착*, 늦게*", "zh": "很快, 太慢, 收到", "ar": "وصل, وصلت, تاخر*",
    },
    "size": {
        "en": "too tight, too loose, too small, too big, too large, runs small, runs large, true to size",
        "pt": "serviu, apertad*, curto", "de": "zu klein, zu groß, zu eng, zu weit", "es": "pequeno, pequena, me queda",
        "fr": "trop petit, trop grand, trop serre", "it": "troppo piccol*, troppo grande", "nl": "te klein, te groot",
        "pl": "za male, za maly, za duze, za duzy", "tr": "kucuk geldi, buyuk geldi, dar geldi", "id": "kekecilan, kebesaran",
        "ja": "小さい, 大きい, きつい", "ko": "작아요*, 커요*", "zh": "偏大, 偏小, 太大, 太小",
    },
    "quality": {
        "en": "broke, broken, defective, faulty, well made, sturdy, durable, stopped working, fell apart, flimsy",
        "pt": "quebr*, estrag*, rasg*, nao funciona, fragil, resistente", "de": "kaputt, kaputtgegangen, defekt*, haltbar",
        "es": "rompio, roto, rota, defectuos*", "fr": "casse, cassee, abime*, solide", "it": "rott*, difettos*",
        "nl": "kapot, stevig, degelijk", "pl": "zepsu*, uszkodzon*, solidn*", "ru": "сломал*, брак, бракован*, прочн*",
        "tr": "kirik, bozuk, bozuldu, saglam", "id": "rusak, awet, kokoh", "vi": "bi hong, bi rach, chac chan",
        "ja": "壊れ, 丈夫, 不良", "ko": "고장*, 튼튼*, 불량*", "zh": "坏了, 破了, 结实, 耐用", "ar": "مكسور*, خربان*",
        "th": "แข็งแรง*, ชำรุด*, พังง่าย*",
    },
    "price": {
        "en": "expensive, overpriced, bargain, worth the money", "pt": "caro, cara, barat*", "de": "teuer, gunstig*, uberteuert, geld wert",
        "es": "caro, cara, barat*", "fr": "cher, chere, pas cher", "it": "economic*, costoso", "nl": "duur, goedkoop*",
        "pl": "drogi, drogie, tanio, tani, tanie", "ru": "дорого, дешев*", "tr": "pahali, ucuz*", "id": "mahal, murah*",
        "vi": "dat qua, re qua", "ja": "安い, 高い, 安く", "ko": "비싸*, 저렴*", "zh": "太贵, 便宜, 划算, 实惠", "ar": "غالي*, رخيص*",
        "th": "แพง*, ไม่แพง*",
    },
    "service": {
        "en": "refund*, replied, rude, solved, waiting, no response, no reply", "pt": "responder*, respondeu", "de": "erstatt*", "fr": "rembours*",
        "es": "reembols*, devolucion*", "it": "rimbors*", "nl": "terugbetal*", "pl": "zwrot pieniedzy", "ru": "вернули деньги, хам*",
        "tr": "iade*", "zh": "退款*, 态度*", "ja": "返金, 返品", "ko": "환불*, 교환*",
    },
    "packaging": {
        "en": "packed, boxed, crushed, dented", "pt": "embalad*, embrulhad*, amassad*", "de": "verpackt, zerdruckt",
        "es": "empaquetad*, embalad*", "fr": "emballe*", "it": "imballat*", "nl": "ingepakt", "ja": "潰れ",
    },
}  # fmt: skip
"""Words that speak of an aspect where no word of :data:`ASPECT_WORDS` does."""

ASPECT_BESIDE: Lists = {
    "delivery": {
        "en": "fast, quick, quickly, slow, late, prompt*, arrived, arrive", "pt": "rapid*", "de": "schnell, langsam, punktlich",
        "es": "rapid*, tarde", "fr": "rapide*, vite, livre, livree, livres, livrees", "it": "veloce, rapid*", "nl": "snel, vlot",
        "pl": "szybk*, wolno", "ru": "быстр*, долго", "tr": "hizli, gec", "id": "cepat, lama", "vi": "nhanh, cham",
        "ar": "سريع*, متاخر*",
    },
    "size": {
        "en": "cut, loose, tight", "pt": "corte, larg*, pequen*, medidas", "de": "schnitt", "es": "corte, ajust*, grande", "fr": "coupe",
        "it": "misura",
    },
    "quality": {"en": "breaks", "fr": "matiere*"},
    "price": {"en": "cheap", "fr": "cout*", "it": "costo"},
    "service": {"en": "support, helpful, answered", "pt": "loja, apoio", "de": "freundlich*"},
    "packaging": {"en": "box, boxes, wrapped, padded", "pt": "caixa", "es": "caja"},
}
"""Words that speak of an aspect only where no other does, beside a word of the order or a hint of the aspect: a box is also a product."""
