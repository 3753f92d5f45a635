"""What customers asked, and what was said and done about it."""

from __future__ import annotations

from ml.contract.columns import WHO, required
from ml.contract.table import Column, Table

TICKET = Table(
    "ticket",
    "A question or complaint to customer service.",
    ("ticket_id",),
    (
        required("ticket_id", "text", "Unique id."),
        WHO,
        Column("order_id", "text", "The order, where known.", references="order.order_id"),
        Column("subject", "text", "Subject line.", masked=True),
        required(
            "text",
            "text",
            "What was written; of a call, what was understood, or empty: it is then transcribed here.",
            masked=True,
        ),
        Column("intent", "text", "What it was about, as the staff filed it."),
        required("opened_at", "timestamp", "When.", "UTC"),
        Column("channel", "text", "web, mail, chat, phone, app, review …"),
        Column("language", "text", "Language that it is written in, where the shop knows.", "ISO 639-1"),
        Column("audio_uri", "text", "Recording of a call: a path in the folder NIGHTSHIFT_RECORDINGS."),
        Column(
            "transcript_confidence",
            "number",
            "How sure the words of the text are, where it was transcribed. Found when the recording is read.",
            "0 to 1",
        ),
        Column(
            "transcript_of",
            "text",
            "Engine and file that the text was transcribed from. Found when it is read: leave it out.",
        ),
        Column("unheard", "text", "Why the recording was not transcribed. Found when it is read: leave it out."),
        Column("status", "text", "open, answered, solved or reopened; null: by the times below."),
        Column("team", "text", "Team that has it, as in ml_config.service_team."),
        Column("first_answer_at", "timestamp", "When it was first answered; null: not yet.", "UTC"),
        Column("solved_at", "timestamp", "When it was last closed as solved; null: not yet.", "UTC"),
        Column("reopened_at", "timestamp", "When the customer came back after it was solved; null: never.", "UTC"),
        Column("rating", "integer", "What the customer thought of the service, 1 (worst) to 5 (best).", "stars"),
        Column("sent_answer_id", "text", "Answer of ml_config.answer that was sent; null: none of them."),
        Column("answer_changed", "boolean", "Staff changed that answer before it was sent."),
    ),
    event_time="opened_at",
)

TICKET_MESSAGE = Table(
    "ticket_message",
    "A message in the thread of a ticket, after the one that opened it.",
    ("message_id",),
    (
        required("message_id", "text", "Unique id."),
        required("ticket_id", "text", "The ticket.", references="ticket.ticket_id"),
        required("author", "text", "Who wrote: customer, agent or system (an answer that was sent by itself)."),
        required("text", "text", "What was written.", masked=True),
        required("written_at", "timestamp", "When.", "UTC"),
    ),
    event_time="written_at",
)
