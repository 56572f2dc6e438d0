"""What a browser would make of a fragment: its elements, and that nothing in it can act."""

from __future__ import annotations

from html.parser import HTMLParser

EVIL = (
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    '"><style>*{display:none}</style>',
    "</style><script>alert(1)</script>",
    "\u202eevil\u2066\x00\x1b[31m",
    "javascript:alert(1)",
)
ALLOWED = {
    *("b", "caption", "code", "div", "figcaption", "figure", "g", "h4", "li", "p", "path", "rect"),
    *("s", "small", "span", "strong", "style", "svg", "table", "tbody", "td", "text", "th"),
    *("thead", "tr", "ul"),
}
ATTRIBUTES = {
    *("aria-hidden", "aria-label", "class", "d", "fill", "height", "role", "shape-rendering"),
    *("stroke", "stroke-width", "text-anchor", "transform", "viewbox", "width", "x", "y"),
}


class Inert(HTMLParser):
    """Reads a fragment; raises where it holds anything that could act or be fetched."""

    def __init__(self, html):
        super().__init__()
        self.text = ""
        self.open = []
        self.feed(html)
        self.close()
        assert self.open == [], "an element is not closed"

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, name
            assert "url(" not in (value or "")
        if tag not in ("path", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in ALLOWED, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            assert "http" not in data
            assert "@import" not in data
            assert "url(" not in data
        else:
            self.text += data
