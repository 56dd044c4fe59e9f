"""A text as a person types it, with plain line ends: browsers send CRLF for each, which would count twice."""


def typed_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
