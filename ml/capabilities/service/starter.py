"""The answers that come along, for ten things that every shop is asked, in three languages: to be read, changed and approved."""

from __future__ import annotations

Row = dict[str, str | bool | None]

_QUESTIONS: dict[str, dict[str, str]] = {
    "en": {
        "where is my order": "Where is my parcel?|When will my order arrive?|My package has not come yet.|Where is my delivery?|The tracking does not move.",
        "return": "How do I send this back?|I want to return my order.|May I return this?|Where is the return label?|It does not fit.",
        "refund": "When do I get my money back?|My refund has not arrived.|I returned it and still wait for the money.|You refunded too little.",
        "damaged": "The product arrived broken.|It is damaged.|A part is scratched.|It came in pieces.",
        "wrong item": "You sent me the wrong item.|This is not what I ordered.|I got another colour.|You delivered the wrong size.",
        "cancel": "Please cancel my order.|I want to cancel.|Can you stop the order?|I ordered by mistake.",
        "payment": "My card was charged twice.|The payment failed.|Which ways to pay are there?|My card is refused.",
        "product question": "Is it dishwasher safe?|Which size fits me?|When is it back in stock?|What is it made of?",
        "account": "I cannot log in.|I forgot my password.|How do I change my address?|I want to change my e-mail address.",
        "invoice": "I need an invoice.|Where is my invoice?|The invoice is wrong.|Please send me the bill.",
    },
    "de": {
        "where is my order": "Wo ist mein Paket?|Wann kommt meine Bestellung?|Meine Lieferung ist noch nicht da.|Die Sendungsverfolgung bewegt sich nicht.",
        "return": "Wie schicke ich das zurück?|Ich möchte meine Bestellung zurückgeben.|Kann ich das zurückgeben?|Wo ist das Retourenetikett?|Es passt nicht.",
        "refund": "Wann bekomme ich mein Geld zurück?|Meine Erstattung ist nicht da.|Ich habe es zurückgeschickt und warte auf das Geld.|Sie haben zu wenig erstattet.",
        "damaged": "Das Produkt kam kaputt an.|Es ist beschädigt.|Ein Teil ist zerkratzt.|Es kam in Scherben.",
        "wrong item": "Sie haben den falschen Artikel geschickt.|Das habe ich nicht bestellt.|Ich habe eine andere Farbe bekommen.|Falsche Größe geliefert.",
        "cancel": "Bitte stornieren Sie meine Bestellung.|Ich möchte stornieren.|Können Sie die Bestellung stoppen?|Ich habe aus Versehen bestellt.",
        "payment": "Meine Karte wurde zweimal belastet.|Die Zahlung ist fehlgeschlagen.|Welche Zahlungsarten gibt es?|Meine Karte wird abgelehnt.",
        "product question": "Ist das spülmaschinenfest?|Welche Größe passt mir?|Wann ist das wieder da?|Woraus ist das?",
        "account": "Ich kann mich nicht anmelden.|Ich habe mein Passwort vergessen.|Wie ändere ich meine Adresse?|Ich möchte meine E-Mail-Adresse ändern.",
        "invoice": "Ich brauche eine Rechnung.|Wo ist meine Rechnung?|Die Rechnung ist falsch.|Bitte schicken Sie mir die Rechnung.",
    },
    "pt": {
        "where is my order": "Onde está meu pacote?|Quando chega meu pedido?|Minha entrega ainda não chegou.|O rastreio não anda.",
        "return": "Como devolvo isto?|Quero devolver meu pedido.|Posso devolver?|Onde está a etiqueta de devolução?|Não serve.",
        "refund": "Quando recebo meu dinheiro de volta?|Meu reembolso não chegou.|Devolvi e ainda espero o dinheiro.|Vocês reembolsaram pouco.",
        "damaged": "O produto chegou quebrado.|Está danificado.|Uma parte está riscada.|Veio em pedaços.",
        "wrong item": "Vocês mandaram o produto errado.|Não foi isso que pedi.|Recebi outra cor.|Veio o tamanho errado.",
        "cancel": "Por favor cancelem meu pedido.|Quero cancelar.|Podem parar o pedido?|Comprei sem querer.",
        "payment": "Meu cartão foi cobrado duas vezes.|O pagamento falhou.|Quais são as formas de pagamento?|Meu cartão foi recusado.",
        "product question": "Pode ir na lava-louças?|Qual tamanho me serve?|Quando volta ao estoque?|De que é feito?",
        "account": "Não consigo entrar.|Esqueci minha senha.|Como mudo meu endereço?|Quero mudar meu e-mail.",
        "invoice": "Preciso de uma nota fiscal.|Onde está minha nota?|A nota está errada.|Mandem a nota, por favor.",
    },
}
"""Questions by language and intent, with bars between them."""

_ANSWERS: dict[str, dict[str, str]] = {
    "en": {
        "where is my order/open": "Your order {order} of {ordered_on} is being packed. We promised it for {promised_on}.",
        "where is my order/late": "We are sorry: your order {order} should have been with you on {promised_on}. We are asking {carrier} and will write to you.",
        "where is my order/sent": "Your order {order} is on its way with {carrier}. It should be with you by {promised_on}.",
        "where is my order/delivered": "{carrier} reports that your order {order} was delivered on {delivered_on}. Please look with your neighbours; if it is not there, answer this message.",
        "where is my order/cancelled": "Your order {order} of {ordered_on} was cancelled, so there is no parcel.",
        "return": "You can send it back within 30 days. The label is in your account under Orders.",
        "refund": "We send the money back within three days after the parcel has reached us; your bank needs up to five more.",
        "damaged": "We are sorry. Please send us a photo as an answer to this message; we will replace it or give you the money back, as you like.",
        "wrong item": "We are sorry. Please send it back with the label in your account under Orders; the right one leaves as soon as it is on its way.",
        "cancel": "An order can be cancelled in your account under Orders until it is packed. After that, please refuse the parcel or send it back.",
        "payment": "You can pay by card, transfer or voucher. An amount that was charged twice is only reserved, and released by your bank within three days.",
        "product question": "What we know of a product stands on its page, sizes and material too. If something is missing there, we ask our buyers.",
        "account": "Under Sign in, Forgot password, you get a new link by mail. Name and addresses can be changed in your account.",
        "invoice": "The invoice is in your account under Orders, as a PDF. Name and address on it can be changed there for 14 days.",
    },
    "de": {
        "where is my order/open": "Ihre Bestellung {order} vom {ordered_on} wird gerade gepackt. Zugesagt ist sie für den {promised_on}.",
        "where is my order/late": "Es tut uns leid: Ihre Bestellung {order} sollte am {promised_on} bei Ihnen sein. Wir fragen bei {carrier} nach und schreiben Ihnen.",
        "where is my order/sent": "Ihre Bestellung {order} ist mit {carrier} unterwegs. Sie sollte bis zum {promised_on} bei Ihnen sein.",
        "where is my order/delivered": "{carrier} meldet, dass Ihre Bestellung {order} am {delivered_on} zugestellt wurde. Bitte fragen Sie bei den Nachbarn; ist sie nicht da, antworten Sie uns.",
        "where is my order/cancelled": "Ihre Bestellung {order} vom {ordered_on} wurde storniert, es gibt also kein Paket.",
        "return": "Sie können es innerhalb von 30 Tagen zurückschicken. Das Etikett ist in Ihrem Konto unter Bestellungen.",
        "refund": "Wir überweisen das Geld innerhalb von drei Tagen, nachdem das Paket bei uns ist; Ihre Bank braucht bis zu fünf weitere.",
        "damaged": "Das tut uns leid. Bitte schicken Sie uns ein Foto als Antwort; wir ersetzen es oder geben Ihnen das Geld zurück, wie Sie möchten.",
        "wrong item": "Das tut uns leid. Bitte schicken Sie es mit dem Etikett in Ihrem Konto zurück; das richtige geht los, sobald es unterwegs ist.",
        "cancel": "Bis sie gepackt ist, können Sie eine Bestellung in Ihrem Konto stornieren. Danach nehmen Sie das Paket bitte nicht an oder schicken es zurück.",
        "payment": "Sie können mit Karte, Überweisung oder Gutschein zahlen. Ein doppelter Betrag ist nur vorgemerkt und wird von Ihrer Bank in drei Tagen freigegeben.",
        "product question": "Was wir von einem Produkt wissen, steht auf seiner Seite, auch Größen und Material. Fehlt etwas, fragen wir im Einkauf.",
        "account": "Unter Anmelden, Passwort vergessen, bekommen Sie einen neuen Link. Name und Adressen lassen sich im Konto ändern.",
        "invoice": "Die Rechnung ist in Ihrem Konto unter Bestellungen, als PDF. Name und Adresse lassen sich dort 14 Tage lang ändern.",
    },
    "pt": {
        "where is my order/open": "Seu pedido {order} de {ordered_on} está sendo preparado. Prometemos entregar até {promised_on}.",
        "where is my order/late": "Sentimos muito: seu pedido {order} deveria ter chegado em {promised_on}. Estamos perguntando à {carrier} e vamos escrever.",
        "where is my order/sent": "Seu pedido {order} está a caminho com {carrier}. Deve chegar até {promised_on}.",
        "where is my order/delivered": "A {carrier} informa que seu pedido {order} foi entregue em {delivered_on}. Veja com os vizinhos; se não estiver lá, responda.",
        "where is my order/cancelled": "Seu pedido {order} de {ordered_on} foi cancelado, então não há pacote.",
        "return": "Você pode devolver em até 30 dias. A etiqueta está na sua conta em Pedidos.",
        "refund": "Devolvemos o dinheiro em três dias depois que o pacote chega; seu banco leva até cinco dias.",
        "damaged": "Sentimos muito. Envie uma foto em resposta; trocamos ou devolvemos o dinheiro, como preferir.",
        "wrong item": "Sentimos muito. Devolva com a etiqueta da sua conta; o certo sai assim que ele for postado.",
        "cancel": "Até ser embalado, um pedido pode ser cancelado na sua conta. Depois disso, recuse o pacote ou devolva.",
        "payment": "Você pode pagar com cartão, transferência ou vale. Um valor dobrado está apenas reservado e é liberado pelo banco em três dias.",
        "product question": "O que sabemos de um produto está na página dele, também tamanhos e material. Se faltar algo, perguntamos.",
        "account": "Em Entrar, Esqueci a senha, você recebe um novo link. Nome e endereços podem ser mudados na conta.",
        "invoice": "A nota está na sua conta em Pedidos, em PDF. Nome e endereço podem ser mudados lá por 14 dias.",
    },
}
"""Answers by language and intent; after a stroke, while the order is in that state alone."""


def _row(language: str, key: str, answer: str) -> Row:
    intent, _, state = key.partition("/")
    return {
        "answer_id": " ".join(filter(None, ("starter", intent, state, language))),
        "intent": intent,
        "language": language,
        "questions": _QUESTIONS[language][intent].replace("|", "\n"),
        "answer": answer,
        "needs_order": bool(state),
        "order_state": state or None,
        "product_id": None,
        "starts_on": None,
        "ends_on": None,
        "approved": False,
    }


ANSWERS = tuple(
    _row(language, key, answer) for language, answers in _ANSWERS.items() for key, answer in answers.items()
)
"""Rows of ``ml_config.answer``; none of them is sent before somebody approved it."""
