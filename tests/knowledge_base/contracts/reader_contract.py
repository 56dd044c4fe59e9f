"""What every Reader promises, wherever it reads."""

from knowledge_base.reading.apart import read_apart
from knowledge_base.reading.reader import NamedFile, Reader
from tests.knowledge_base.bad_files import BAD_FILES
from tests.knowledge_base.files import a_docx, a_pdf, paragraph, pdf_bytes

HOSTILE = ("zip_bomb",)
GOOD = 30


def article(number: int) -> NamedFile:
    return f"{number}.md", f"# Article {number}\n\nText of article {number}.".encode()


def _pdf() -> bytes:
    pdf = a_pdf()
    paragraph(pdf, "Send it back within thirty days.")
    return pdf_bytes(pdf)


class ReaderContract:
    """Subclasses give the fixture `reader`."""

    def test_files_of_all_kinds_are_read_as_in_a_child_of_this_process(self, reader: Reader) -> None:
        files = [
            (
                "a.html",
                b"<html><title>Ship</title><body><h1>Ship</h1><p>By rail \xe2\x80\x94 free.</p></body>",
            ),
            ("faq.jsonl", b'{"id": "1", "title": "One", "text": "First."}\n{"id": "2"}\n'),
            ("a.pdf", _pdf()),
            ("a.docx", a_docx()),
            ("zeros.txt", b"Text with zeros behind it.\0\0\0"),
            ("picture.png", b"\x89PNG\0\0"),
        ]

        readings = list(reader.read(files))

        expected = [read_apart(name, content) for name, content in files]
        assert [reading.outcomes for reading in readings] == [reading.outcomes for reading in expected]
        assert sum(len(reading.documents) for reading in readings) >= 4

    def test_every_file_is_read_once_in_its_order(self, reader: Reader) -> None:
        files = [article(number) for number in range(GOOD)]

        readings = list(reader.read([*files, files[0]]))

        keys = [document.key for reading in readings for document in reading.documents]
        assert keys == [*(name for name, _ in files), "0.md"]

    def test_a_bad_file_is_refused_by_its_name_among_good_ones(self, reader: Reader) -> None:
        files = [article(number) for number in range(GOOD)]
        for place, made in enumerate(HOSTILE):
            files.insert(7 + place, (BAD_FILES[made].name, BAD_FILES[made].build()))

        readings = list(reader.read(files))

        refused = {
            n: [one.name for one in reading.refusals]
            for n, reading in enumerate(readings)
            if reading.refusals
        }
        assert refused == {7 + n: [BAD_FILES[made].name] for n, made in enumerate(HOSTILE)}
        assert sum(len(reading.documents) for reading in readings) == GOOD

    def test_no_files_are_read_at_once(self, reader: Reader) -> None:
        assert list(reader.read([])) == []
