"""Bytes of a fuzzer to messages: short inputs reach deep, and every message can still be made.

A byte below 0x80 is itself, 0xFF ends a message, 0xFE takes the next byte as it is, and any other byte is a token: a
whole line, or a piece of one, that a peer might send.
"""

BREAK, ESCAPE, FIRST_TOKEN = 0xFF, 0xFE, 0x80


def messages(data, tokens):
    """The messages an input stands for."""
    made, message, escaped = [], bytearray(), False
    for byte in data:
        if escaped:
            message.append(byte)
            escaped = False
        elif byte < FIRST_TOKEN:
            message.append(byte)
        elif byte == BREAK:
            made.append(bytes(message))
            message.clear()
        elif byte == ESCAPE:
            escaped = True
        else:
            message += tokens[(byte - FIRST_TOKEN) % len(tokens)]
    return [*made, bytes(message)]


def seeds(tokens):
    """Inputs to begin with: every token alone, all of them in their order as messages, and as lines of one."""
    each = [bytes([FIRST_TOKEN + number]) for number in range(len(tokens))]
    return [*each, bytes([BREAK]).join(each), b"\n".join(each), bytes([BREAK]).join(each[:8])]
