"""What a page holds, as a browser would read it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page holds: ids, links, tags, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.policy = ""
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._kind: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if "id" in own:
            self.ids.append(own["id"])
        if tag == "a":
            self.links.append(own["href"])
        if own.get("http-equiv") == "Content-Security-Policy":
            self.policy = own["content"]
        self.sources += [own[name] for name in ("src", "srcset", "action") if name in own]
        if tag == "link":
            self.sources.append(own["href"])
        self._kind = own.get("type", tag) if tag in ("script", "style") else None
        if self._kind:
            self.scripts.append((self._kind, ""))

    def handle_data(self, data: str) -> None:
        if self._kind:
            kind, before = self.scripts[-1]
            self.scripts[-1] = kind, before + data
        else:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._kind = None
