"""What columns of order lines are called, and what their values must look like."""

from __future__ import annotations

import duckdb

from ml.shop.ddl import quoted
from ml.shop.sources._moments import ways

NAMES: dict[str, tuple[str, ...]] = {
    "order_id": (
        "order id", "order number", "order no", "ordernumber", "orderid", "order", "order nr", "order ref", "order reference", "invoice no", "invoiceno", "invoice number",
        "invoice", "receipt id", "receipt no", "receipt", "transaction id", "basket id", "sale id", "bestellnummer", "bestell nr", "bestellnr", "auftragsnummer",
        "auftrag", "rechnungsnummer", "belegnummer", "beleg", "numéro de commande", "numero de commande", "n commande", "commande", "id commande", "facture",
        "número de pedido", "numero de pedido", "numero pedido", "pedido", "id pedido", "numero ordine", "ordine", "id ordine", "ordernummer", "bestelnummer",
        "bestelling", "numer zamówienia", "zamówienie", "factura", "doc no", "document number",
    ),
    "ordered_at": (
        "order date", "ordered at", "order time", "order datetime", "orderdate", "created at", "date created", "date", "datetime", "timestamp", "invoice date",
        "invoicedate", "purchase date", "transaction date", "sale date", "sold at", "placed at", "bestelldatum", "auftragsdatum", "rechnungsdatum", "belegdatum", "datum",
        "date de commande", "date commande", "fecha", "fecha de pedido", "fecha pedido", "data do pedido", "data", "data ordine", "besteldatum", "data zamówienia", "day",
    ),
    "email": (
        "email", "e mail", "customer email", "email address", "e mail address", "buyer email", "billing email", "mail", "e mail adresse", "kunden e mail", "courriel", "correo",
        "correo electrónico", "adresse e mail",
    ),
    "customer_id": (
        "customer id", "customerid", "customer no", "customer number", "customer", "client id", "user id", "buyer id", "member id", "account id", "kundennummer",
        "kunden nr", "kundennr", "kunde", "id client", "numéro client", "client", "id cliente", "cliente", "klantnummer", "klant", "numer klienta", "household key",
    ),
    "sku": (
        "sku", "article number", "article no", "item number", "item no", "item code", "stock code", "stockcode", "product code", "artikelnummer", "artikel nr", "artikelnr",
        "référence", "reference", "réf", "referencia", "codice articolo", "codice", "código", "codigo", "ean", "gtin", "barcode", "upc",
    ),
    "product_id": (
        "product id", "productid", "product no", "product number", "item id", "article id", "variant id", "produkt id", "produktnummer", "id produit", "id producto",
        "id produto", "id prodotto", "product", "item", "asin",
    ),
    "title": (
        "product name", "product title", "item name", "item title", "title", "description", "product description", "article", "artikel", "artikelname", "artikelbezeichnung",
        "bezeichnung", "produktname", "produkt", "nom du produit", "produit", "désignation", "designation", "nombre del producto", "producto", "descripción", "nome do produto",
        "produto", "nome prodotto", "prodotto", "descrizione", "productnaam", "omschrijving", "nazwa produktu", "name", "item description",
    ),
    "quantity": (
        "quantity", "qty", "quantity ordered", "qty ordered", "units", "pieces", "pcs", "count", "menge", "anzahl", "stück", "stk", "quantité", "qté", "qte", "cantidad",
        "quantidade", "qtd", "quantità", "quantita", "aantal", "ilość", "item quantity", "units sold",
    ),
    "unit_price": (
        "unit price", "unitprice", "price per unit", "price each", "item price", "price", "price incl tax", "gross price", "sale price", "selling price", "einzelpreis",
        "stückpreis", "preis", "preis brutto", "bruttopreis", "prix unitaire", "prix", "prix ttc", "precio unitario", "precio", "preço unitário", "preço", "prezzo unitario",
        "prezzo", "prijs", "stuksprijs", "cena", "cena jednostkowa",
    ),
    "total": (
        "order total", "grand total", "order amount", "order value", "total order", "gesamtbetrag", "bestellsumme", "rechnungsbetrag", "total commande", "montant total",
        "total pedido", "valor total", "totale ordine", "total",
    ),
    "line_total": (
        "line total", "line amount", "item total", "subtotal", "amount", "total price", "total", "sales", "revenue", "sales value", "gross amount", "positionssumme", "summe",
        "gesamtpreis", "betrag", "umsatz", "montant", "total ligne", "importe", "importo", "totale", "bedrag", "totaal", "wartość",
    ),
    "shipping": (
        "shipping", "shipping cost", "shipping total", "shipping amount", "shipping price", "delivery cost", "postage", "freight", "versand", "versandkosten", "frais de port",
        "livraison", "gastos de envío", "envío", "frete", "spedizione", "verzendkosten",
    ),
    "status": (
        "order status", "status", "state", "order state", "financial status", "payment status", "bestellstatus", "auftragsstatus", "statut", "état", "etat", "estado", "stato",
    ),
    "currency": ("currency", "currency code", "order currency", "währung", "devise", "moneda", "moeda", "valuta", "waluta"),
    "country": (
        "country", "country code", "shipping country", "billing country", "ship country", "land", "lieferland", "pays", "país", "pais", "paese", "kraj", "customer country",
    ),
    "category": (
        "category", "product category", "category name", "product type", "department", "kategorie", "warengruppe", "produktkategorie", "catégorie", "categorie", "categoría", "categoria", "kategoria",
    ),
    "brand": ("brand", "vendor", "manufacturer", "maker", "marke", "hersteller", "marque", "fabricant", "marca", "merk", "marka", "producent"),
    "channel": ("channel", "sales channel", "source", "order source", "kanal", "vertriebskanal", "verkaufskanal", "canal", "canale", "kanał"),
}  # fmt: skip
"""What a column can be -> its names, as ``plain`` writes them, most likely first."""

_MOSTLY = 0.95
_READ = {
    "number": r"'^[^0-9a-zA-Z]*[+-]?[^0-9a-zA-Z]*[0-9][0-9.,'' ]*[^0-9]{0,4}$'",
    "email": r"'^[^@\s]+@[^@\s]+$'",
    "currency": r"'^[A-Za-z]{3}$'",
}
_LOOKS = {
    **dict.fromkeys(("quantity", "unit_price", "line_total", "total", "shipping"), "number"),
    "email": "email",
    "currency": "currency",
}


def fits(db: duckdb.DuckDBPyConnection, role: str, column: str, order: str) -> bool:
    """Whether a column's values can be what its name says. ``order`` is the column of the order's number, if that is known."""
    name = f"trim({quoted(column)})"
    filled = f"SELECT count(*) FROM raw WHERE {name} <> ''"  # noqa: S608  # a quoted name
    (count,) = db.execute(filled).fetchall()[0]
    if not count:
        return False
    if look := _READ.get(_LOOKS.get(role, "")):
        return bool(
            db.execute(f"{filled} AND regexp_matches({name}, {look})").fetchall()[0][0] >= _MOSTLY * count
        ) and (role not in ("total", "line_total") or not order or _of_order(db, column, order) == (role == "total"))
    if role == "ordered_at":
        iso = f"{filled} AND regexp_matches({name}, '^\\d{{4}}-\\d\\d-\\d\\d')"
        return bool(db.execute(iso).fetchall()[0][0] >= _MOSTLY * count) or bool(ways(db, "raw", column))
    if role == "title":  # a name has letters
        return bool(db.execute(f"{filled} AND regexp_matches({name}, '[^\\d\\W]')").fetchall()[0][0] >= 0.5 * count)
    return True


def _of_order(db: duckdb.DuckDBPyConnection, column: str, order: str) -> bool:
    """Whether an amount is the order's: the same on all of its lines, where orders have several."""
    query = f"""
        SELECT count(*), count(*) FILTER (WHERE values_ = 1) FROM (
            SELECT count(DISTINCT {quoted(column)}) AS values_ FROM raw WHERE {quoted(column)} <> '' GROUP BY {quoted(order)} HAVING count(*) > 1)
    """  # noqa: S608  # quoted names
    several, same = db.execute(query).fetchall()[0]
    return bool(several and same >= _MOSTLY * several)
