"""Laws of channel addresses, against a model written from the requirements and not from the regular expressions."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from liveproto.channel import Dots, Organisation, PrefixForm, parse_channel, split_prefix
from liveproto.errors import InvalidChannelError

LETTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
ALPHABET = "aZ09_-./=[]^`\\ \n\té@"

texts = st.text(alphabet=ALPHABET, max_size=170) | st.text(max_size=20)
names = st.text(alphabet="aZ09_-", min_size=1, max_size=8)
paths = st.text(alphabet="aZ09_-./=", min_size=1, max_size=20)


def model(text, *, dotted):
    """The requirement that a text breaks first, or its three parts."""
    scope, _, rest = text.partition("/")
    namespace, _, path = rest.partition("/")
    if "" in (scope, namespace, path):
        return "GL-CHAN-001"
    if set(scope + namespace) - LETTERS - ({"."} if dotted else set()):
        return "GL-CHAN-003" if dotted else "GL-CHAN-002"
    if set(path) - LETTERS - set("/=."):
        return "GL-CHAN-004"
    return "GL-CHAN-005" if len(text.encode()) > 160 else (scope, namespace, path)


def verdict(text, dots):
    try:
        channel = parse_channel(text, dots=dots)
    except InvalidChannelError as error:
        return error.reason.value
    return channel.scope, channel.namespace, channel.path


@given(text=texts | st.builds("{}/{}/{}".format, names, names, paths), dots=st.sampled_from(Dots))
@example(text="a/b/" + "c" * 156, dots=Dots.EVERYWHERE)
@example(text="a/b/" + "c" * 157, dots=Dots.EVERYWHERE)
@example(text="a/b/c\n", dots=Dots.IN_PATH)
def test_the_grammar_is_that_of_the_requirements(text, dots):
    assert verdict(text, dots) == model(text, dotted=dots is Dots.EVERYWHERE)


@given(scope=names, namespace=names, path=paths)
def test_an_address_is_the_join_of_its_parts(scope, namespace, path):
    assert str(parse_channel(f"{scope}/{namespace}/{path}")) == f"{scope}/{namespace}/{path}"


organisations = st.builds(Organisation, st.integers(1, 10**19 - 1), st.booleans())


@given(organisation=organisations, form=st.sampled_from(PrefixForm), rest=st.text(max_size=20))
def test_a_prefix_comes_off_as_it_was_put_on(organisation, form, rest):
    assert split_prefix(f"{organisation.prefix(form)}/{rest}") == (organisation, rest)


@given(text=texts)
def test_a_text_without_slash_has_no_prefix(text):
    with pytest.raises(InvalidChannelError):
        split_prefix(text.replace("/", ""))


@given(text=texts | st.from_regex(r"(org|stacks)-\d{1,3}/a|\d{1,3}/a", fullmatch=True))
def test_a_prefix_has_one_spelling_in_each_form(text):
    try:
        organisation, rest = split_prefix(text)
    except InvalidChannelError:
        return
    assert text in {f"{organisation.prefix(form)}/{rest}" for form in PrefixForm}
