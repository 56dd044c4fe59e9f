"""The corpus of injections in files and fetched pages: what nobody sees is left out, what is seen stays text."""

import html

import pytest

from knowledge_base.reading.documents import Document, Refusal
from knowledge_base.reading.readers import read_any, read_html
from tests.guidance.test_injections import INJECTIONS, NAMES

SEEN = "You can send the kettle back within 30 days."
UNSEEN = {"\x1b", "\x07"}
"""A file with them is no text, and is refused whole."""

HIDDEN = (
    "<p hidden>{}</p>",
    '<p style="display:none">{}</p>',
    '<p style="visibility: hidden">{}</p>',
    "<template>{}</template>",
    "<script>/* {} */</script>",
    "<style>/* {} */</style>",
    '<meta name="description" content="{}">',
)


def words(document: Document) -> str:
    return " ".join(" ".join(section.text.split()) for section in document.sections)


@pytest.mark.parametrize("injected", INJECTIONS, ids=NAMES)
def test_text_that_nobody_sees_of_a_page_is_not_read(injected: str) -> None:
    clean = read_html("p.html", f"<title>Returns</title><main><p>{SEEN}</p></main>".encode())
    assert isinstance(clean, Document)
    for way in HIDDEN:
        hidden = way.format(html.escape(injected))
        page = f"<title>Returns</title><main>{hidden}<p>{SEEN}</p></main>"
        found = read_html("p.html", page.encode())
        assert isinstance(found, Document)
        assert (found.title, words(found)) == (clean.title, words(clean)), way


@pytest.mark.parametrize("injected", INJECTIONS, ids=NAMES)
def test_in_titles_cells_answers_and_file_names_it_adds_no_other_article(injected: str) -> None:
    plain = html.escape(injected)
    cell = '"' + injected.replace('"', '""') + '"'
    files = {
        "page.html": f"<title>{plain}</title><main><p>{SEEN}</p><table><tr><td>a<td>{plain}</table></main>",
        "faq.csv": f"question,answer\nHow long?,{SEEN}\nWhat else?,{cell}\n",
        f"{injected.replace('/', '-')[:100]}.md": f"# Returns\n\n{SEEN}",
    }
    for name, content in files.items():
        read = list(read_any(name, content.encode()))
        found = [one for one in read if isinstance(one, Document)]
        refused = [one for one in read if isinstance(one, Refusal)]
        assert 1 <= len(found) + len(refused) <= 2
        assert all(one.reason for one in refused)
        assert any(SEEN in words(one) for one in found) or UNSEEN & set(injected)
