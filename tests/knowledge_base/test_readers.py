"""What a brand uploads becomes documents; whatever cannot be read is refused with a way out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.reading.documents import MAX_DOCUMENT_BYTES, Document, Refusal, Section, clean
from knowledge_base.reading.readers import (
    MAX_JSONL_DOCUMENTS,
    read_any,
    read_html,
    read_jsonl,
    read_markdown,
)

ARTICLE = """---
title: "Returns: how to"
id: 007
language: en-GB
---

You can **return** most things. See [our shop](https://shop.example).

## Within 30 days {#soon}

1. Open *Orders*.

1. Choose `Return`.
   - Keep the label

   ![The returns page with a field for the order number](returns.png) ![logo](logo.png)

### Costs

| Country | Cost |
|:--------|-----:|
| Norway  | free |
| Chile   | **9 USD** |

## After that

> [!NOTE]
> Ask us first.

```sh
curl https://shop.example/<id>
```
"""


def markdown(text: str, name: str = "help/Return an item.md") -> Document:
    document = read_markdown(name, text.encode())
    assert isinstance(document, Document), document
    return document


def html(text: str) -> Document:
    document = read_html("help/returns.html", text.encode())
    assert isinstance(document, Document), document
    return document


def whole_text(document: Document) -> str:
    return "\n".join(section.text for section in document.sections)


def reason(outcome: Document | Refusal) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def jsonl(*lines: object) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def row(**fields: object) -> dict[str, object]:
    return {"id": "a", "title": "Returns", "text": "Send it back."} | fields


class TestMarkdown:
    def test_front_matter_names_the_article_and_keeps_ids_as_written(self) -> None:
        document = markdown(ARTICLE)
        assert (document.key, document.title, document.language) == ("007", "Returns: how to", "en-GB")

    def test_sections_follow_the_headings(self) -> None:
        assert [section.path for section in markdown(ARTICLE).sections] == [
            (),
            ("Within 30 days",),
            ("Within 30 days", "Costs"),
            ("After that",),
        ]

    def test_text_is_plain_with_lists_tables_and_code_kept(self) -> None:
        texts = [section.text for section in markdown(ARTICLE).sections]
        assert texts[0] == "You can return most things. See our shop."
        assert texts[1] == (
            "1. Open Orders.\n2. Choose Return.\n  - Keep the label\n"
            "  (The returns page with a field for the order number)"
        )
        assert texts[2] == "Country | Cost\nNorway | free\nChile | 9 USD"
        assert texts[3] == "Ask us first.\n\ncurl https://shop.example/<id>"

    def test_without_front_matter_the_path_is_the_key_and_the_first_heading_the_title(self) -> None:
        document = markdown("# Return an item\n\nSend it back.")
        assert (document.key, document.title) == ("help/Return an item.md", "Return an item")
        assert document.sections == (Section(path=(), text="Send it back."),)

    def test_without_any_title_the_file_name_is_the_title(self) -> None:
        assert markdown("Send it back.", "a/Return-an_item.md").title == "Return an item"

    def test_raw_html_tags_vanish_but_an_authors_placeholders_stay(self) -> None:
        text = "Run <b>port</b> <port> now<br>or <kbd>later</kbd>. <!-- secret -->"
        assert whole_text(markdown(text)) == "Run port <port> now\nor later."

    def test_tables_in_raw_html_are_read(self) -> None:
        document = markdown("<table><tr><td>Norway</td><td>free</td></tr></table>\n\nAnd so on.")
        assert whole_text(document) == "Norway | free\n\nAnd so on."

    @pytest.mark.parametrize(
        "hidden",
        [
            "<script>alert(1) HIDDEN</script>",
            '<span style="display: none">HIDDEN</span>',
            "<div hidden>HIDDEN</div>",
            "text <span style='font-size:0'>HIDDEN **too**</span> text",
            "text <style>HIDDEN</style> text",
        ],
    )
    def test_what_a_reader_of_the_page_cannot_see_is_dropped(self, hidden: str) -> None:
        assert "HIDDEN" not in whole_text(markdown(f"Before.\n\n{hidden}\n\nAfter."))

    def test_a_heading_nothing_stands_under_is_kept_as_text(self) -> None:
        document = markdown("# T\n\n## Never open the case\n\n## Warranty\n\nTwo years.")
        assert document.sections[0] == Section(path=("Never open the case",), text="Never open the case")

    def test_rules_around_plain_text_are_not_front_matter(self) -> None:
        assert "Just a note" in whole_text(markdown("---\nJust a note\n---\n\nText."))

    @pytest.mark.parametrize(
        "front_matter", ["title: Error: no port", "title: [", "{" * 3000, "a: &a [*a", "\t- x: ["]
    )
    def test_broken_front_matter_is_refused_with_advice(self, front_matter: str) -> None:
        refused = read_markdown("a.md", f"---\n{front_matter}\n---\nText.".encode())
        assert "not valid YAML" in reason(refused)

    def test_title_alone_is_no_article(self) -> None:
        assert "no text" in reason(read_markdown("a.md", b"# Returns\n"))


class TestHtml:
    PAGE = """<!doctype html><html lang="de"><head><title>Shop</title><style>p{}</style></head><body>
    <nav>Home</nav><main><h1>Return an item</h1><p>You can <b>return</b> most
    things.<br>Ask first.</p><h2>Steps</h2><ol><li>Open it<ul><li>Orders</li></ul></li><li>Send it</li></ol>
    <table><tr><th>Country</th><th>Cost</th></tr><tr><td>Norway</td><td><p>free</p></td></tr></table>
    <pre>a
  b</pre><img alt="The returns page with a field"><img alt="logo"><p hidden>HIDDEN</p>
    <p style="Visibility : HIDDEN">HIDDEN</p><script>HIDDEN</script><svg><title>HIDDEN</title></svg>
    </main><footer>FOOTER</footer></body></html>"""

    def test_a_page_is_read_as_it_is_seen(self) -> None:
        document = html(self.PAGE)
        assert (document.title, document.language, document.key) == (
            "Return an item",
            "de",
            "help/returns.html",
        )
        assert document.sections == (
            Section(path=(), text="You can return most things.\nAsk first."),
            Section(
                path=("Steps",),
                text=(
                    "1. Open it\n  - Orders\n2. Send it\n\nCountry | Cost\nNorway | free\n\na\n  b\n\n"
                    "(The returns page with a field)"
                ),
            ),
        )

    def test_without_a_heading_the_page_title_names_it(self) -> None:
        assert html("<title>Returns &amp; more</title><p>Text</p>").title == "Returns & more"

    @pytest.mark.parametrize("opened", ["<div>", "<b>", "<x-a>", "<svg><g>", "<ul><li>", "<script>"])
    def test_nesting_a_hundred_thousand_deep_is_refused(self, opened: str) -> None:
        refused = read_html("deep.html", (opened * 100_000 + "x").encode())
        assert "nested more than 256 deep" in reason(refused)

    def test_deep_nesting_inside_markdown_is_refused_too(self) -> None:
        assert "nested" in reason(read_markdown("deep.md", b"<div>" * 100_000))

    def test_unclosed_paragraphs_and_items_are_not_nesting(self) -> None:
        document = html("<ul>" + "<li>item<p>more" * 2_000 + "</ul>")
        assert whole_text(document).count("item") == 2_000

    def test_many_drawings_are_not_nesting(self) -> None:
        assert whole_text(html("<svg><path/><path/></svg>text " * 500)).count("text") == 500


class TestJsonl:
    def test_each_line_is_an_article_and_other_fields_say_where_it_belongs(self) -> None:
        line = row(entity="A AND B GUEST HOUSE", url="https://x.example", stars=4, text="## Steps\n\nOne.")
        (document,) = read_jsonl(jsonl(line))
        assert document == Document(
            key="a",
            title="Returns",
            sections=(Section(path=("Steps",), text="One."),),
            extra=("A AND B GUEST HOUSE",),
        )

    def test_numbers_are_fine_as_ids(self) -> None:
        (document,) = read_jsonl(jsonl(row(id=360016121859)))
        assert isinstance(document, Document)
        assert document.key == "360016121859"

    def test_a_broken_line_is_refused_by_its_number_and_the_others_are_read(self) -> None:
        content = jsonl(row(id="1")) + b'\n{"id": "2", "title": \n\n' + jsonl(row(id="3"))
        first, broken, third = read_jsonl(content)
        assert isinstance(first, Document)
        assert isinstance(third, Document)
        assert isinstance(broken, Refusal)
        assert broken.name == "line 2"
        assert "not valid JSON" in broken.reason

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            (b"null", "not a JSON object"),
            (b"[1]", "not a JSON object"),
            (b"[" * 100_000, "not valid JSON"),
            (b'{"id": "\xff"}', "not UTF-8"),
            (b'{"title": "T", "text": "x"}', '"id" is missing'),
            (b'{"id": true, "title": "T", "text": "x"}', '"id" is missing'),
            (b'{"id": "1", "title": " \\u202e", "text": "x"}', '"title" is missing'),
            (b'{"id": "1", "title": "T", "text": "\\u0000"}', '"text" is missing'),
            (b'{"id": "1", "title": "T", "text": {"a": 1}}', '"text" is missing'),
            (b'{"id": "1", "title": "T", "text": ' + b"1" * 5000 + b"}", "not valid JSON"),
        ],
    )
    def test_lines_without_what_an_article_needs_are_refused(self, line: bytes, told: str) -> None:
        (refused,) = read_jsonl(line)
        assert told in reason(refused)

    def test_the_same_id_twice_is_refused(self) -> None:
        _, second = read_jsonl(jsonl(row(), row(text="Other")))
        assert "same id" in reason(second)

    def test_front_matter_marks_in_a_text_are_text(self) -> None:
        (document,) = read_jsonl(jsonl(row(text="---\nError: no port: COM3\n---\nTry again.")))
        assert isinstance(document, Document)
        assert "Error: no port: COM3" in json.dumps([(*s.path, s.text) for s in document.sections])

    def test_a_separator_inside_a_string_does_not_end_the_line(self) -> None:
        (document,) = read_jsonl('{"id": "1", "title": "T", "text": "one\u2028two"}'.encode())
        assert isinstance(document, Document)

    def test_lone_surrogates_are_dropped_so_that_the_text_can_be_stored(self) -> None:
        (document,) = read_jsonl(b'{"id": "1", "title": "A\\ud800B", "text": "x\\udfff"}')
        assert isinstance(document, Document)
        assert (document.title, whole_text(document).encode()) == ("AB", b"x")

    def test_an_empty_file_is_refused(self) -> None:
        assert [reason(outcome) for outcome in read_jsonl(b"\xef\xbb\xbf\n \r\n")] == [
            "It is empty. Write one JSON object a line into it."
        ]

    def test_more_than_the_limit_of_lines_is_refused_where_it_is_reached(self) -> None:
        outcomes = list(read_jsonl(b"1\n" * (MAX_JSONL_DOCUMENTS + 500)))
        assert len(outcomes) == MAX_JSONL_DOCUMENTS + 1
        assert "may hold 50,000 articles" in reason(outcomes[-1])


class TestAnyFile:
    @pytest.mark.parametrize("name", ["a.md", "a.markdown", "a.html", "a.HTM", "a.jsonl"])
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "empty"),
            (b" \n\t\xe2\x80\x8b", "empty"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
            (b"Caf\xe9 is open", "not UTF-8"),
            (b"word " * (MAX_DOCUMENT_BYTES // 5 + 1), "larger than 2 MB"),
        ],
    )
    def test_what_is_no_text_is_refused_in_plain_words(self, name: str, content: bytes, told: str) -> None:
        (refused,) = read_any(name, content)
        assert told in reason(refused)

    def test_another_kind_of_file_is_refused_with_the_kinds_that_are_read(self) -> None:
        (refused,) = read_any("prices.numbers", b"PK")
        assert "Markdown" in reason(refused)

    @pytest.mark.parametrize(
        "content",
        [
            b"[" * 1_900_000,
            (b"![" * 400 + b"\n\n") * 2_000,
            (b"*a_ " * 2_400 + b"\n\n") * 40,
            b">" * 500_000,
            b"&" * 1_000_000,
            b"- " * 500_000,
        ],
        ids=["brackets", "pictures", "emphasis", "quotes", "entities", "lists"],
    )
    def test_hostile_markdown_is_read(self, content: bytes) -> None:
        list(read_any("a.md", content))

    def test_a_table_wider_than_any_reader_is_refused(self) -> None:
        table = b"|a" * 3_000 + b"|\n" + b"|-" * 3_000 + b"|\n" + b"|b\n" * 3_000
        assert "more than 50 columns" in reason(read_markdown("a.md", table))

    def test_too_many_lines_are_refused(self) -> None:
        assert "10,000 lines" in reason(read_markdown("a.md", b"x\n\n" * 6_000))

    @given(st.binary(max_size=400), st.sampled_from([".md", ".html", ".jsonl", ".bin", ""]))
    def test_no_content_ever_raises(self, content: bytes, ending: str) -> None:
        for outcome in read_any(f"a{ending}", content):
            assert isinstance(outcome, Document | Refusal)

    @given(st.text(max_size=400), st.sampled_from([".md", ".html"]))
    def test_no_text_ever_raises_and_what_is_read_can_be_stored(self, text: str, ending: str) -> None:
        for outcome in read_any(f"a{ending}", text.encode(errors="ignore")):
            if isinstance(outcome, Document):
                assert whole_text(outcome).strip()
                assert "\0" not in whole_text(outcome)


class TestCleaning:
    def test_text_is_composed_and_invisible_characters_are_gone(self) -> None:
        assert clean("Cafe\u0301 \u202eevil\u202c\u200b \x07ok\r\nnext\tcell\u2028end\U000e0041") == (
            "Café evil ok\nnext\tcell\nend"
        )

    def test_joiners_that_scripts_need_stay(self) -> None:
        assert clean("می\u200cخواهم 👩\u200d🔧") == "می\u200cخواهم 👩\u200d🔧"


SITE = (
    "<body><div class=top><header><a href=/>Our shop</a></header></div>{article}"
    "<aside><h3>Related</h3></aside><div><footer>All rights reserved.</footer></div></body>"
)


@pytest.mark.parametrize(
    "article",
    [
        "<div><h1>Returns</h1><p>Send it back.</p></div>",
        "<article><header><h1>Returns</h1></header><p>Send it back.</p></article>",
        "<div role=main><h1>Returns</h1><p>Send it back.</p></div>",
        "<header><h1>Returns</h1></header><p>Send it back.</p>",
    ],
    ids=["bare", "article", "role", "title in a header"],
)
def test_a_page_is_read_without_the_site_around_it(article: str) -> None:
    read = read_html("returns.html", SITE.format(article=article).encode())
    assert isinstance(read, Document)
    assert read.title == "Returns"
    assert [section.text for section in read.sections] == ["Send it back."]


def test_several_articles_of_a_page_keep_their_own_headers_and_footers() -> None:
    one = "<article><header><h2>{0}</h2></header><p>Text of {0}.</p><footer>See also {0}.</footer></article>"
    body = SITE.format(article=one.format("a") + one.format("b"))
    read = read_html("two.html", body.encode())
    assert isinstance(read, Document)
    assert [section.text for section in read.sections] == [
        "Text of a.\n\nSee also a.",
        "Text of b.\n\nSee also b.",
    ]
