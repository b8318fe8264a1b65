"""Unicode punctuation and blanks that models write as their ASCII neighbours: to compare, never to write."""

_FOLDS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u02bc",
    '"': "\u201c\u201d\u201e\u201f\u2033",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
_ONE_TO_ONE = tuple((odd, plain) for plain, odds in _FOLDS.items() for odd in odds)


def folded(text: str) -> str:
    """The text with quotes, dashes and blanks made plain, offsets kept."""
    if text.isascii():
        return text
    for odd, plain in _ONE_TO_ONE:
        if odd in text:
            text = text.replace(odd, plain)
    return text


def folded_line(text: str) -> str:
    """As `folded`; the ellipsis, which is three dots long, too."""
    return text if text.isascii() else folded(text).replace("\u2026", "...")


def drawn(line: str) -> str:
    """The line with what one cannot see drawn: tabs, blanks at both ends, carriage returns, odd blanks."""
    body = line.strip(" \t\r")
    at = line.find(body) if body else len(line)
    head, tail = line[:at], line[at + len(body) :]
    return _marks(head, " ") + _marks(body, "") + _marks(tail, " ")


def _marks(text: str, blank: str) -> str:
    text = text.replace("\t", "\u2192").replace("\r", "\u240d")
    for odd in _FOLDS[" "]:
        text = text.replace(odd, "\u237d")
    return text.replace(blank, "\u00b7") if blank else text
