"""Each format as a person sees it: titles, headings, lists, tables, pages; what nobody sees is left out and told."""

import io
import json
from pathlib import Path

import docx
import pytest
from fpdf import FPDF
from PIL import Image

from knowledge_base.passages import split
from knowledge_base.reading.documents import Document, Refusal
from knowledge_base.reading.formats import ACCEPTED
from knowledge_base.reading.readers import read_any
from tests.knowledge_base.files import (
    a_docx,
    a_pdf,
    docx_bytes,
    heading,
    hide,
    paragraph,
    pdf_bytes,
    replaced,
    restyle,
    table,
    xlsx,
    zipped,
)

ROOT = Path(__file__).parents[2]
Told = list[tuple[tuple[str, ...], str]]
LONG = (
    "The kettle is guaranteed for two years from the day of delivery. If it stops working within that time, "
    "we repair it or send a new one. Damage by scale is not covered, because it can be avoided by washing the "
    "kettle with vinegar every month."
)


def read(name: str, content: bytes) -> Document:
    (outcome,) = read_any(name, content)
    assert isinstance(outcome, Document), outcome
    return outcome


def notes(outcome: Document | Refusal) -> tuple[str, ...]:
    assert isinstance(outcome, Document), outcome
    return outcome.notes


def refusal(name: str, content: bytes) -> str:
    (outcome,) = read_any(name, content)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def told(document: Document) -> Told:
    return [(section.path, section.text) for section in document.sections]


class TestPdf:
    def test_headings_paragraphs_and_pages_are_kept(self) -> None:
        pdf = a_pdf()
        heading(pdf, "Kettle manual", 24)
        paragraph(pdf, "Read this before first use.")
        heading(pdf, "Guarantee")
        paragraph(pdf, LONG)
        pdf.add_page()
        heading(pdf, "Cleaning")
        paragraph(pdf, "Fill it with vinegar.")

        document = read("manual.pdf", pdf_bytes(pdf))

        assert document.title == "Kettle manual"
        assert told(document) == [
            ((), "Read this before first use."),
            (("Guarantee",), LONG),
            (("Cleaning",), "Fill it with vinegar."),
        ]
        assert [section.page for section in document.sections] == [1, 1, 2]
        assert document.notes == ()

    def test_a_section_that_goes_on_over_pages_names_each_page(self) -> None:
        pdf = a_pdf()
        heading(pdf, "Guarantee")
        paragraph(pdf, LONG)
        pdf.add_page()
        paragraph(pdf, LONG.upper())

        document = read("g.pdf", pdf_bytes(pdf))

        assert [section.page for section in document.sections] == [1, 2]
        assert [passage.page for passage in split(document)] == [1, 2]

    def test_tables_become_lines_that_name_their_columns(self) -> None:
        pdf = a_pdf()
        paragraph(pdf, "What it costs:")
        table(pdf, [["Size", "Price", "Weight"], ["Small", "20 EUR", "1 kg"], ["Large", "35 EUR", "2 kg"]])
        paragraph(pdf, "All prices with tax.")

        (section,) = read("prices.pdf", pdf_bytes(pdf)).sections

        assert section.text.split("\n") == [
            "What it costs:",
            "",
            "Size: Small | Price: 20 EUR | Weight: 1 kg",
            "Size: Large | Price: 35 EUR | Weight: 2 kg",
            "",
            "All prices with tax.",
        ]

    def test_lists_stay_lists(self) -> None:
        pdf = a_pdf()
        for line in ("Pack these:", "- the kettle", "- the cable", "1. Close the box.", "2. Call us."):
            pdf.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")

        (section,) = read("list.pdf", pdf_bytes(pdf)).sections

        assert section.text.split("\n") == [
            "Pack these:", "- the kettle", "- the cable", "1. Close the box.", "2. Call us."
        ]  # fmt: skip

    def test_the_line_that_stands_on_every_page_is_furniture(self) -> None:
        pdf = a_pdf()
        for number in range(1, 6):
            if number > 1:
                pdf.add_page()
            pdf.cell(0, 6, f"Fern Ltd. Page {number} of 5", new_x="LMARGIN", new_y="NEXT")
            paragraph(pdf, f"Words of sheet {number}.")

        document = read("five.pdf", pdf_bytes(pdf))

        assert "Fern Ltd" not in str(told(document))
        assert "Words of sheet 5." in document.sections[-1].text

    @pytest.mark.parametrize("way", ["no mode", "white", "tiny", "off the page", "white over a white box"])
    def test_text_nobody_sees_is_left_out_and_told(self, way: str) -> None:
        pdf = a_pdf()
        paragraph(pdf, "Returns take thirty days.")
        write_unseen(pdf, way)
        paragraph(pdf, "Write to us.")

        document = read("returns.pdf", pdf_bytes(pdf))

        assert "SECRET" not in str(told(document))
        assert "Returns take thirty days." in str(told(document))
        assert "Write to us." in str(told(document))
        assert document.notes == ("1 piece of hidden text was left out.",)

    def test_white_text_on_a_dark_band_is_seen(self) -> None:
        pdf = a_pdf()
        pdf.set_fill_color(0, 60, 90)
        pdf.set_text_color(255, 255, 255)
        pdf.cell(0, 10, "Opening hours", fill=True, new_x="LMARGIN", new_y="NEXT")
        pdf.set_text_color(0, 0, 0)
        paragraph(pdf, "Nine to five.")

        document = read("hours.pdf", pdf_bytes(pdf))

        assert "Opening hours" in str(told(document))
        assert document.notes == ()

    def test_scanned_pages_are_told_and_the_others_read(self) -> None:
        pdf = a_pdf()
        paragraph(pdf, "A page with text.")
        for _ in range(2):
            pdf.add_page()
            pdf.image(a_picture(), w=100)

        assert read("mixed.pdf", pdf_bytes(pdf)).notes == (
            "Pages 2, 3 are pictures of text and could not be read.",
        )

    def test_a_scan_is_refused_with_what_to_do(self) -> None:
        pdf = a_pdf()
        pdf.image(a_picture(), w=100)

        assert "OCR" in refusal("scan.pdf", pdf_bytes(pdf))

    def test_a_password_is_asked_to_be_removed(self) -> None:
        pdf = a_pdf()
        paragraph(pdf, "Locked.")
        pdf.set_encryption(owner_password="owner", user_password="user")

        assert "Remove the password" in refusal("locked.pdf", pdf_bytes(pdf))


def write_unseen(pdf: FPDF, way: str) -> None:
    if way == "no mode":
        with pdf.local_context(text_mode="INVISIBLE"):
            pdf.cell(0, 6, "SECRET", new_x="LMARGIN", new_y="NEXT")
    elif way == "tiny":
        pdf.set_font("helvetica", size=1)
        pdf.cell(0, 6, "SECRET", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("helvetica", size=11)
    elif way == "off the page":
        pdf.text(x=-300, y=50, text="SECRET")
    else:
        pdf.set_text_color(255, 255, 255)
        pdf.set_fill_color(255, 255, 255)
        pdf.cell(0, 6, "SECRET", fill=way == "white over a white box", new_x="LMARGIN", new_y="NEXT")
        pdf.set_text_color(0, 0, 0)


def a_picture() -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "grey").save(buffer, "PNG")
    buffer.seek(0)
    return buffer


class TestDocx:
    def test_headings_lists_and_tables_are_kept(self) -> None:
        word = docx.Document()
        word.add_heading("Kettle", 0)
        word.add_paragraph("Read this first.")
        word.add_heading("Parcel", 1)
        word.add_heading("Into it", 2)
        word.add_paragraph("the kettle", style="List Bullet")
        word.add_paragraph("the cable", style="List Bullet")
        word.add_heading("Then", 2)
        word.add_paragraph("Close it.", style="List Number")
        word.add_paragraph("Call us.", style="List Number")
        grid = word.add_table(rows=0, cols=2)
        for left, right in (("Size", "Price"), ("Small", "20 EUR"), ("Large", "35 EUR")):
            cells = grid.add_row().cells
            cells[0].text, cells[1].text = left, right

        document = read("kettle.docx", docx_bytes(word))

        assert document.title == "Kettle"
        assert told(document) == [
            ((), "Read this first."),
            (("Parcel", "Into it"), "- the kettle\n- the cable"),
            (
                ("Parcel", "Then"),
                "1. Close it.\n2. Call us.\n\nSize: Small | Price: 20 EUR\nSize: Large | Price: 35 EUR",
            ),
        ]

    def test_the_title_among_its_properties_comes_first(self) -> None:
        word = docx.Document()
        word.core_properties.title = "Care of kettles"
        word.add_heading("Daily", 1)
        word.add_paragraph("Empty it.")

        document = read("x.docx", docx_bytes(word))

        assert (document.title, told(document)) == ("Care of kettles", [(("Daily",), "Empty it.")])

    def test_hidden_and_tiny_text_is_left_out_and_told(self) -> None:
        word = docx.Document()
        line = word.add_paragraph("Seen. ")
        hide(line.add_run("SECRET"))
        restyle(word.add_paragraph().add_run("SECRET"), "w:sz", "2")
        word.add_paragraph("Also\u200b seen.")

        document = read("x.docx", docx_bytes(word))

        assert told(document) == [((), "Seen.\n\nAlso seen.")]
        assert document.notes == (
            "2 pieces of hidden text were left out.",
            "1 invisible character was left out.",
        )

    def test_macros_are_refused(self) -> None:
        content = replaced(a_docx(), {"word/vbaProject.bin": b"macro"})

        assert "without macros" in refusal("x.docx", content)


class TestFaq:
    @pytest.mark.parametrize(
        "head",
        [
            "Question,Answer",
            "Frage;Antwort",
            "ANSWER\tQUESTION",
            "question_text,q,a",
            "Title,Body",
            "質問,回答",
        ],
    )
    def test_columns_are_found_by_many_names(self, head: str) -> None:
        mark = next(mark for mark in (";", "\t", ",") if mark in head)
        names = head.split(mark)
        row = mark.join("By rail." if _says_answer(name) else "How is it sent?" for name in names)

        document = read("faq.csv", f"{head}\n{row}\n".encode())

        assert (document.title, told(document)) == ("How is it sent?", [((), "By rail.")])

    def test_each_row_is_an_article_with_its_id_category_and_language(self) -> None:
        rows = 'Id,Category,Language,Question,Answer\n007,Shipping,en-GB,How is it sent?,"By rail.\nOr by road."\n'

        document = read("faq.csv", rows.encode())

        assert (document.key, document.extra, document.language) == ("007", ("Shipping",), "en-GB")
        assert told(document) == [((), "By rail.\nOr by road.")]

    def test_rows_that_are_no_article_are_refused_by_their_number(self) -> None:
        rows = "question,answer\nHow?,So.\nWhy?,\n,Because.\nHow?,Otherwise.\n"

        outcomes = list(read_any("faq.csv", rows.encode()))

        assert [type(outcome) for outcome in outcomes] == [Document, Refusal, Refusal, Refusal]
        refused = {outcome.name: outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)}
        assert list(refused) == ["row 3", "row 4", "row 5"]
        assert "no answer" in refused["row 3"]
        assert "no question" in refused["row 4"]
        assert "stands above" in refused["row 5"]

    def test_answers_that_a_help_desk_exported_as_html_are_read_as_seen(self) -> None:
        rows = 'question,answer\nHow?,"<p>By <b>rail</b>.</p><p style=""display:none"">SECRET</p>"\n'

        document = read("faq.csv", rows.encode())

        assert told(document) == [((), "By rail.")]
        assert document.notes == ("row 2: 1 piece of hidden text was left out.",)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_the_encoding_is_found(self, encoding: str) -> None:
        text = "Frage;Antwort\nWie groß ist er?;Zwölf Zentimeter, größer als früher. Für Äpfel genügt es.\n"

        assert "Zwölf" in read("faq.csv", text.encode(encoding)).sections[0].text

    def test_without_such_columns_it_is_refused_with_the_names_to_use(self) -> None:
        assert "“Question”" in refusal("faq.csv", b"colour,size\nred,12\n")

    def test_an_excel_file_is_read_sheet_by_sheet(self) -> None:
        content = xlsx(
            Notes=[["to do"], ["nothing"]],
            Shipping=[["ID", "Question", "Answer"], [7, "How is it sent?", "By rail."], [8, "When?", 14]],
            Returns=[[None, None], ["Question", "Answer"], ["How long?", "Thirty days."], ["Why?", None]],
        )

        outcomes = list(read_any("faq.xlsx", content))

        documents = [outcome for outcome in outcomes if isinstance(outcome, Document)]
        assert [(document.key, document.title) for document in documents] == [
            ("7", "How is it sent?"), ("8", "When?"), ("faq.xlsx, Returns: How long?", "How long?"),
        ]  # fmt: skip
        assert [outcome.name for outcome in outcomes if isinstance(outcome, Refusal)] == ["row 4"]


def _says_answer(name: str) -> bool:
    return name.lower() in ("answer", "antwort", "a", "body", "回答")


class TestText:
    def test_the_first_short_line_is_the_title_and_underlined_lines_are_headings(self) -> None:
        text = "Returns\n=======\n\nSend it back.\n\nCosts\n-----\nNone.\n- no fee\n"

        document = read("returns.txt", text.encode())

        assert document.title == "Returns"
        assert told(document) == [((), "Send it back."), (("Costs",), "None.\n- no fee")]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "shift_jis"])
    def test_the_encoding_is_found(self, encoding: str) -> None:
        text = "お湯を沸かす前に、やかんをよく洗ってください。" if encoding == "shift_jis" else (
            "Für größere Äpfel genügt das Gerät nicht. Überprüfen Sie die Größe, bevor Sie es öffnen."
        )  # fmt: skip
        assert read("a.txt", (text * 3).encode(encoding)).sections[0].text == text * 3

    def test_a_text_without_a_title_is_named_by_its_file(self) -> None:
        assert read("How-to-return.txt", b"Send it back to us.").title == "How to return"


class TestZip:
    def test_every_file_in_it_is_read_by_its_own_reader(self) -> None:
        content = zipped(
            {
                "help/a.md": "# A\n\nOne.",
                "help/b.html": "<h1>B</h1><p>Two.</p>",
                "help/c.docx": a_docx("Three."),
                "faq.csv": "question,answer\nD?,Four.\nE?,\n",
                "help/picture.png": b"\x89PNG",
                "more.zip": zipped({"x.md": "X"}),
                "__MACOSX/._a.md": b"\0",
                ".DS_Store": b"\0",
            }
        )

        outcomes = list(read_any("all.zip", content))

        documents = {outcome.key: outcome for outcome in outcomes if isinstance(outcome, Document)}
        assert {key: document.sections[0].text for key, document in documents.items()} == {
            "help/a.md": "One.", "help/b.html": "Two.", "help/c.docx": "Three.", "faq.csv: D?": "Four.",
        }  # fmt: skip
        refused = {outcome.name: outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)}
        assert set(refused) == {"faq.csv, row 3", "help/picture.png", "more.zip"}
        assert "Unpack it" in refused["more.zip"]


@pytest.mark.parametrize("written", ["README.md", "docs/glossary.md"])
def test_who_reads_about_the_project_reads_the_formats_that_are_read(written: str) -> None:
    assert ACCEPTED in " ".join((ROOT / written).read_text().split())


class TestNotesOfMany:
    """Notes are kept with the file: where it holds many articles each says which one it is about."""

    SEEN = "Seen. <p hidden>SECRET</p>"
    LEFT_OUT = "1 piece of hidden text was left out."

    def test_in_a_table_they_name_the_row(self) -> None:
        (first, second) = read_any("faq.csv", f"question,answer\nA?,Seen.\nB?,{self.SEEN}\n".encode())

        assert (notes(first), notes(second)) == ((), (f"row 3: {self.LEFT_OUT}",))

    def test_in_a_file_of_lines_they_name_the_line(self) -> None:
        line = json.dumps({"id": "1", "title": "A", "text": self.SEEN})

        (outcome,) = read_any("a.jsonl", f"\n{line}".encode())

        assert notes(outcome) == (f"line 2: {self.LEFT_OUT}",)

    def test_in_an_archive_they_name_the_file_and_its_row(self) -> None:
        html, csv = f"<h1>A</h1>{self.SEEN}", f"question,answer\nB?,{self.SEEN}\n"

        outcomes = read_any("all.zip", zipped({"help/a.html": html, "faq.csv": csv}))

        assert [notes(outcome) for outcome in outcomes] == [
            (f"help/a.html: {self.LEFT_OUT}",),
            (f"faq.csv, row 2: {self.LEFT_OUT}",),
        ]


class TestHiddenInHtml:
    @pytest.mark.parametrize(
        "hidden",
        [
            '<p style="display:none">SECRET</p>',
            "<p hidden>SECRET</p>",
            '<span style="color:#fff">SECRET</span>',
            '<span style="color: rgba(255,255,255,.9)">SECRET</span>',
            '<span style="font-size:1px">SECRET</span>',
            '<font color="white">SECRET</font>',
            '<div style="position:absolute; left:-9999px">SECRET</div>',
            '<div style="height:0;overflow:hidden">SECRET</div>',
        ],
    )
    def test_it_is_left_out_and_told(self, hidden: str) -> None:
        document = read("a.html", f"<h1>T</h1><p>Seen.</p>{hidden}".encode())

        assert told(document) == [((), "Seen.")]
        assert document.notes == ("1 piece of hidden text was left out.",)

    @pytest.mark.parametrize(
        "shown",
        [
            '<p style="color:#fff;background:#036">Seen.</p>',
            '<td bgcolor="black"><span style="color:white">Seen.</span></td>',
            '<div class="band"><span style="color:white">Seen.</span></div>',
            '<p style="font-size:14px;opacity:0.9">Seen.</p>',
            '<p style="background-color:#fff">Seen.</p>',
        ],
    )
    def test_what_may_be_seen_stays(self, shown: str) -> None:
        document = read("a.html", f"<h1>T</h1><table><tr>{shown}</tr></table>".encode())

        assert "Seen." in str(told(document))
        assert document.notes == ()

    def test_hidden_text_in_markdown_is_told_too(self) -> None:
        content = (
            'Seen. <span style="display:none">SECRET</span>\n\n<div hidden>SECRET</div>\n\nEnd\u202e\u200b.'
        )

        document = read("a.md", content.encode())

        assert "SECRET" not in str(told(document))
        assert document.notes == (
            "2 pieces of hidden text were left out.",
            "2 invisible characters were left out.",
        )


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"PK\x03\x04", "Its name says PDF, but it is a ZIP or Office file."),
        ("a.docx", b"%PDF-1.7", "Its name says Word (.docx), but it is a PDF."),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or password-protected"),
        ("a.md", b"%PDF-1.7", "It is not a text file. It looks like a PDF"),
        ("a.csv", b"PK\x03\x04", "It looks like a ZIP or Office file"),
        ("a.zip", b"hello", "it does not begin like one"),
        ("a.exe", b"MZ\x90\x00", "This kind of file is not read."),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, content: bytes, sentence: str) -> None:
    assert sentence in refusal(name, content)
