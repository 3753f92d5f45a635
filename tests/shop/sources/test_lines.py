"""The source ``lines``: a mapping is proposed from any flat file of order lines, kept, and read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.order_lines import mapping_for
from ml.core.errors import ContractError, NightshiftError
from ml.settings import PROJECT
from ml.shop.source import Source
from ml.shop.sources import _mapping, lines
from tests.shop.conftest import rows

PAGES = sorted((PROJECT / "docs" / "platforms").glob("*.md"))
GERMAN = """Bestellnummer;Bestelldatum;E-Mail;Artikelnummer;Artikelbezeichnung;Menge;Einzelpreis;Bestellstatus;Versandkosten;Gesamtbetrag
B1;31.05.2026 09:15;Ann@mail.example;A1;Tasse;2;5,00;Abgeschlossen;4,90;1.014,90
B1;31.05.2026 09:15;Ann@mail.example;A2;Sofa;1;1.000,00;Abgeschlossen;4,90;1.014,90
B2;01.06.2026 10:00;ann@mail.example;A1;Tasse;1;5,00;Storniert;0,00;5,00
B3;02.06.2026 10:00;bob@mail.example;A1;Tasse;3;5,00;In Montage;0,00;15,00
B4;03.06.2026 10:00;bob@mail.example;A1;Tasse;-1;5,00;Abgeschlossen;0,00;-5,00
"""
AMERICAN = """Invoice,Date,Customer,Item,Units,Amount
1,03/04/2026,7,Mug,2,10.00
1,03/04/2026,7,Lamp,1,9.00
2,04/05/2026,8,Mug,1,5.00
3,05/06/2026,8,Mug,4,20.00
3,05/06/2026,8,Lamp,3,27.00
"""


def proposed(folder: Path, text: str) -> _mapping.LineMapping:
    """Propose a mapping for a file."""
    (folder / "export.csv").write_text(text, encoding="utf-8")
    with lines.opened(folder) as (db, header):
        return _mapping.propose(db, header)


def kept(folder: Path, text: str) -> Path:
    """Write the proposal for a file."""
    proposal = proposed(folder, text)
    _mapping.write(proposal, folder / _mapping.FILE, text.splitlines()[0].split(";"))
    return folder / _mapping.FILE


def test_a_german_file_is_understood(tmp_path: Path) -> None:
    """Columns, decimal commas, thousands, times and words; one customer however the mail is written."""
    mapping = kept(tmp_path, GERMAN)
    remarks: list[str] = []
    shop: dict[str, list[dict[str, Any]]] = rows(lines.tables(tmp_path, mapping, "Europe/Berlin", remarks))
    assert [(o["order_id"], o["status"], o["total"]) for o in shop["order"]] == [
        ("B1", "delivered", 1014.9),
        ("B2", "cancelled", 5.0),
        ("B3", "In Montage", 15.0),
    ]
    assert shop["order"][0]["ordered_at"].isoformat() == "2026-05-31T09:15:00+02:00"
    assert [i["unit_price"] for i in shop["order_item"]] == [5.0, 1000.0, 5.0, 5.0]
    assert len(shop["customer"]) == 2
    assert [r for r in remarks if "credit notes" in r]


def test_the_mapping_is_kept_as_it_was_proposed(tmp_path: Path) -> None:
    """What is written is read again as the same; a word that is not known stands there to be filled in."""
    proposal = proposed(tmp_path, GERMAN)
    path = kept(tmp_path, GERMAN)
    header = GERMAN.splitlines()[0].split(";")
    assert _mapping.read(path, header) == proposal
    assert proposal.status["In Montage"] == ""
    filled = path.read_text(encoding="utf-8").replace('"In Montage" = ""', '"In Montage" = "paid"')
    path.write_text(filled, encoding="utf-8")
    assert {o["order_id"]: o["status"] for o in rows(lines.tables(tmp_path, path))["order"]}["B3"] == "paid"


def test_what_could_be_two_things_is_not_guessed(tmp_path: Path) -> None:
    """3/4 may be March or April: it is open; an amount that grows with the quantity is the line's."""
    proposal = proposed(tmp_path, AMERICAN)
    assert proposal.columns["line_total"] == "Amount"
    assert "unit_price" not in proposal.columns
    assert (proposal.time, len(proposal.open)) == ("", 1)
    assert "%m/%d/%Y or %d/%m/%Y" in proposal.open[0]
    path = kept(tmp_path, AMERICAN)
    with pytest.raises(NightshiftError, match=r"not complete(.|\n)*no time"):
        rows(lines.tables(tmp_path, path))
    path.write_text(path.read_text(encoding="utf-8").replace('time = ""', 'time = "%d/%m/%Y"'), encoding="utf-8")
    shop = rows(lines.tables(tmp_path, path))
    assert [str(o["ordered_at"])[:10] for o in shop["order"]] == ["2026-04-03", "2026-05-04", "2026-06-05"]
    assert [i["unit_price"] for i in shop["order_item"]] == [5.0, 9.0, 5.0, 5.0, 9.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('"Bestellnummer"', "names columns that the files do not have"),
        ("[columns]", "cannot be read"),
        ('decimal = ","', "not complete"),
        ("sku = ", "There is no meaning of a column 'stock'"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path: Path, change: str, words: str) -> None:
    """Another column, broken TOML, another sign, a meaning that there is not."""
    path = kept(tmp_path, GERMAN)
    other = {
        '"Bestellnummer"': '"Nummer"',
        "[columns]": "[columns",
        'decimal = ","': 'decimal = "x"',
        "sku = ": "stock = ",
    }
    path.write_text(path.read_text(encoding="utf-8").replace(change, other[change]), encoding="utf-8")
    with pytest.raises(NightshiftError, match=words):
        rows(lines.tables(tmp_path, path))


def test_files_that_are_no_parts_of_one_export_are_refused(tmp_path: Path) -> None:
    """Another header, a value that is no number, half a row: each in words."""
    path = kept(tmp_path, GERMAN)
    (tmp_path / "other.csv").write_text(AMERICAN, encoding="utf-8")
    with pytest.raises(ContractError, match=r"other.csv: has other columns than export.csv"):
        rows(lines.tables(tmp_path, path))
    (tmp_path / "other.csv").unlink()
    (tmp_path / "export.csv").write_text(GERMAN.replace(";3;5,00", ";drei;5,00"), encoding="utf-8")
    with pytest.raises(ContractError, match="column Menge: 1 value, expected a number: order B3 'drei'"):
        rows(lines.tables(tmp_path, path))
    (tmp_path / "export.csv").write_text(GERMAN[:-40], encoding="utf-8")
    with pytest.raises(ContractError, match="not 10 fields"):
        rows(lines.tables(tmp_path, path))


def test_the_wizard_loads_nothing_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal it writes the proposal, shows the tables and says what to do; --yes takes it."""
    (tmp_path / "export.csv").write_text(GERMAN, encoding="utf-8")
    with pytest.raises(typer.Exit) as ended:
        mapping_for(tmp_path, "UTC", yes=False)
    said = capsys.readouterr()
    assert ended.value.exit_code == 0
    assert "order_item: 4 rows" in said.out
    assert f"--mapping {tmp_path / _mapping.FILE}" in said.err.replace("\n", " ")
    with pytest.raises(NightshiftError, match="There is a mapping already"):
        mapping_for(tmp_path, "UTC", yes=False)
    assert mapping_for(tmp_path, "UTC", yes=True) == tmp_path / _mapping.FILE
    (tmp_path / "export.csv").write_text(AMERICAN, encoding="utf-8")
    with pytest.raises(typer.Exit) as ended:
        mapping_for(tmp_path, "UTC", yes=True)
    assert ended.value.exit_code == 2


def test_another_mapping_is_another_shop(tmp_path: Path) -> None:
    """The same files by an edited mapping are loaded again."""
    path = kept(tmp_path, GERMAN)
    before = Source.find("lines", tmp_path, {"mapping": path}).fingerprint()
    path.write_text(path.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    assert Source.find("lines", tmp_path, {"mapping": path}).fingerprint() != before


def commands() -> Sequence[tuple[str, str]]:
    """Every command in the pages of the platforms."""
    return [
        (page.stem, line)
        for page in PAGES
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith("./nightshift ")
    ]


@pytest.mark.parametrize(("page", "line"), commands())
def test_each_command_of_the_pages_is_one(page: str, line: str) -> None:
    """The command and its options are there."""
    from cli.main import app

    words = shlex.split(line)[1:]
    options = [word for word in words if word.startswith("--")]
    plain = [w for w in words[: words.index(options[0])] if not w.startswith("-")] if options else words
    named = [w for w in plain if w.isalpha() or "-" in w][:2]
    shown = CliRunner().invoke(
        app, [*(named if named[0] in ("shop", "new") else named[:1]), "--help"], env={"COLUMNS": "200"}
    )
    assert shown.exit_code == 0, page
    assert [o for o in options if o not in shown.output] == []
