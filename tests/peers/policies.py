"""Grafana's rules that centrifuge does not have, recognised in the embedded server's answers to one message.

A policy excuses exactly the answer it explains: the reply with that id and what followed from it, or the close.
"""

import json
import re

from transcript import PREFIX
from undefined import REQUESTS

_NOT_AVAILABLE = '"error":{"code":108,"message":"not available"}'
_INVALID_CHANNEL = '"error":{"code":400,"message":"invalid channel ID"}'
_TOO_LONG = '"error":{"code":107,"message":"bad request"}'
_SEND_CLOSE = "CLOSE 3508 not available"
_INFO = re.compile(r',"info":\{"user":"1","client":"CLIENT"\}')
_GRAMMAR = re.compile(r"[A-Za-z0-9_\-/=.]+")
_RPC_AND_WHAT_YIELDS_TO_IT = frozenset({"rpc", "send", "refresh", "sub_refresh"})
_MOST_BYTES, _MOST_BYTES_OF_GRAFANA = 255, 160

POLICIES = {
    "absent handlers": "presence, history, refresh and the like are answered 108, whatever else is wrong with them",
    "absent rpc handler": "rpc is answered 108",
    "send": "send closes with 3508",
    "channel grammar": "a channel outside the grammar, or too long with its prefix, is answered 400 or 107",
    "info": "publications carry no info",
}


def without_policies(message, peer, own):
    """Take out of both exchanges what a policy explains.

    Returns:
        The policies used, whether nothing after this message can be compared, the peer's lines and our own.
    """
    commands = {command["id"]: command for command in _commands(message)}
    used, over = set(), False
    theirs = peer.lines()
    without_info = [_INFO.sub("", line) if line.startswith('{"push"') and '"pub"' in line else line for line in theirs]
    if without_info != theirs:
        used.add("info")
        theirs = sorted(without_info, key=lambda line: (line.startswith("CLOSE"), line))
    ours = own.lines()
    if own.closed == _SEND_CLOSE and any("send" in command for command in _commands(message, ids=False)):
        return {*used, "send"}, True, [], []
    for id_, command in commands.items():
        answer = next((line for line in ours if line.startswith(f'{{"id":{id_},')), "")
        policy = _policy_of(answer, command)
        if policy is None or answer in theirs:
            continue
        used.add(policy)
        over = over or (peer.closed is not None and own.closed is None)
        ours = [line for line in ours if line != answer]
        theirs = [line for line in theirs if not _follows(line, id_, command)]
    if over:
        theirs = [line for line in theirs if not line.startswith("CLOSE 3501 ")]
    return used, over, theirs, ours


def _policy_of(answer, command):
    kinds = {kind for kind in command.keys() & REQUESTS if command[kind] is not None}
    if _NOT_AVAILABLE in answer:
        return "absent rpc handler" if "rpc" in kinds <= _RPC_AND_WHAT_YIELDS_TO_IT else "absent handlers"
    channel = next((command[kind].get("channel") for kind in kinds if isinstance(command[kind], dict)), None)
    if isinstance(channel, str):
        size = len((PREFIX + channel).encode())
        if _INVALID_CHANNEL in answer and (size > _MOST_BYTES_OF_GRAFANA or not _GRAMMAR.fullmatch(channel)):
            return "channel grammar"
        if _TOO_LONG in answer and size > _MOST_BYTES:
            return "channel grammar"
    return None


def _follows(line, id_, command):
    """Whether a line of the peer is its answer to a command, or the publication it made."""
    if line.startswith(f'{{"id":{id_},'):
        return True
    published = command.get("publish")
    return (
        isinstance(published, dict)
        and line.startswith('{"push"')
        and json.loads(line)["push"].get("channel") == published.get("channel")
    )


def _commands(message, *, ids=True):
    text = message if isinstance(message, str) else message.decode()
    for line in text.split("\n"):
        try:
            command = json.loads(line)
        except ValueError:
            continue
        if isinstance(command, dict) and (not ids or isinstance(command.get("id"), int)):
            yield command
