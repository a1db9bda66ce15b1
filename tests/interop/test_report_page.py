"""The pages of src/report are well-formed, need nothing from elsewhere and hold no markup of the texts given to them."""

import html.parser

import pytest
from event_tool import run_event_tool

VOID = {"meta", "link", "img"}
HOSTILE = "<script>alert(\"1\")</script> & 'quoted' \N{REPLACEMENT CHARACTER} </figure>"


class Page(html.parser.HTMLParser):
    """Checks that elements nest, and collects what the tests ask for."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture(params=["report", "empty", "gallery"])
def page(request, tmp_path):
    run_event_tool(request.param, tmp_path / "page.html")
    return Page((tmp_path / "page.html").read_text(encoding="utf-8", errors="strict"))


@pytest.fixture
def report(tmp_path):
    run_event_tool("report", tmp_path / "page.html")
    return Page((tmp_path / "page.html").read_text(encoding="utf-8"))


def test_elements_nest_and_the_frame_is_there(page):
    for tag in ("html", "head", "body", "main", "h1"):
        assert page.tags.count(tag) == 1
    assert page.tags[:2] == ["html", "head"]


def test_nothing_can_run_and_nothing_comes_from_elsewhere(page):
    assert not {"script", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith(("data:", "./")), (tag, value)
    assert "url(" not in "".join(page.texts["style"]) and "@import" not in "".join(page.texts["style"])


def test_hostile_texts_are_shown_as_they_are(report):
    assert "".join(report.texts["h1"]) == HOSTILE
    assert HOSTILE in report.texts["dt"] and HOSTILE in report.texts["dd"]
    assert HOSTILE in report.texts["figcaption"]
    assert ("img", "alt", HOSTILE) in report.attributes


def test_curves_are_thinned(report):
    curves = [value.split(" ") for tag, name, value in report.attributes if (tag, name) == ("polyline", "points")]
    # Loss (each step, mean, validation), learning rate, gradient norm (2), throughput (2), two noise levels.
    assert len(curves) == 10
    assert all(2 <= len(curve) <= 600 for curve in curves)


def test_coordinates_lie_within_the_drawing(report):
    width, height = 0.0, 0.0
    for tag, name, value in report.attributes:
        if (tag, name) == ("svg", "viewbox"):
            width, height = (float(number) for number in value.split(" ")[2:])
        if (tag, name) == ("polyline", "points"):
            for x, y in (map(float, point.split(",")) for point in value.split(" ")):
                assert 0 <= x <= width and 0 <= y <= height


def test_places_tell_their_values(report):
    titles = report.texts["title"]
    assert any(title.startswith("step 1: ") for title in titles)
    assert "validation, step 250: 0.2" in titles
