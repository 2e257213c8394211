"""What a user reads when something is wrong."""

import pytest

from pipeline.errors import (
    CatalogError,
    ConfigurationError,
    EntryError,
    FivewhysError,
    Mistake,
    RuleError,
    SinkError,
    SourceError,
    StoreError,
    TemplateError,
)


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (Mistake("rules/a.yml", 3, "wrong"), "rules/a.yml:3: wrong"),
        (Mistake("rules/a.yml", 0, "cannot be read"), "rules/a.yml: cannot be read"),
        (Mistake("", 0, "--since: no time"), "--since: no time"),
    ],
)
def test_a_mistake_names_its_place_as_far_as_it_has_one(mistake: Mistake, text: str) -> None:
    """`file:line: message` is what editors and terminals make clickable."""
    assert str(mistake) == text


def test_mistakes_are_ordered_by_file_and_line() -> None:
    """Line 9 stands before line 10."""
    first, second, third = Mistake("a", 9, "z"), Mistake("a", 10, "a"), Mistake("b", 1, "a")
    assert sorted([third, second, first]) == [first, second, third]


def test_a_configuration_error_holds_all_mistakes_one_a_line() -> None:
    """Each can be mended before the next try."""
    error = ConfigurationError(Mistake("a.yml", line, "wrong") for line in (1, 2))
    assert [mistake.line for mistake in error.mistakes] == [1, 2]
    assert str(error) == "a.yml:1: wrong\na.yml:2: wrong"


@pytest.mark.parametrize("kind", [RuleError, CatalogError, TemplateError])
def test_what_the_user_gave_us_is_a_configuration_error(kind: type[ConfigurationError]) -> None:
    """Whoever catches one catches rules, catalog and templates."""
    assert issubclass(kind, ConfigurationError)


@pytest.mark.parametrize(
    "kind", [ConfigurationError, EntryError, SinkError, SourceError, StoreError]
)
def test_every_error_has_one_root(kind: type[FivewhysError]) -> None:
    """So that the command line can show all that was raised on purpose."""
    assert issubclass(kind, FivewhysError)


@pytest.mark.parametrize("recoverable", [True, False])
def test_a_sink_error_says_whether_a_retry_can_help(*, recoverable: bool) -> None:
    """The sink knows, its caller decides."""
    error = SinkError("502", recoverable=recoverable)
    assert (str(error), error.recoverable) == ("502", recoverable)
