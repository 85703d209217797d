"""The text of a ``labels`` cell, such as ``core=0, host=a``, taken apart.

Theory. Grafana's converter joins tags with ``, `` and escapes nothing, so the text is ambiguous where a tag contains a
comma or an equals sign. Here the first equals sign of a piece ends its key, and a piece without one belongs to the
value before it: no text is lost. A text in braces is read as a Prometheus selector, as the browser reads it.

Not here: writing the text, which is the converter's.
Source: @grafana/data 13.2.3 dataframe/StreamingDataFrame, utils/labels.
"""

from __future__ import annotations

import re
from typing import Final

_BETWEEN: Final = re.compile(r",\s*+(?=[^,=]*=)")
_SELECTOR: Final = re.compile(r'\b(\w+)(?:!?=~?)"([^"\n]*?)"')


def parse_label_text(text: str) -> dict[str, str]:
    """Read labels in their order (GL-STREAM-022); the last one of a key counts."""
    if text.startswith("{"):
        return dict(_SELECTOR.findall(text))
    pieces = (piece.partition("=") for piece in _BETWEEN.split(text) if piece)
    return {key.strip(): value for key, _, value in pieces}
