"""Stack traces of Java: the innermost cause, with the frames it shares, whatever was suppressed."""

import textwrap

import pytest

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception

CHAIN = textwrap.dedent(
    """\
    Exception in thread "main" com.example.shop.OrderException: cannot place order
    second line
    \tat com.example.shop.Orders.place(Orders.java:31)
    \tat com.example.shop.Main.run(Main.java:12)
    \tat java.base/java.lang.Thread.run(Thread.java:833)
    \tSuppressed: java.io.IOException: closing
    \t\tat com.example.shop.Orders.close(Orders.java:90)
    \t\t... 2 more
    \tCaused by: java.net.SocketException: reset
    \t\t... 3 more
    Caused by: java.lang.NullPointerException: Cannot invoke "Order.id()" because "o" is null
    \tat com.example.shop.Order.key(Order.java:7)
    \t... 2 more
    """
)


def exception(text: str) -> ExceptionInfo:
    """Return the exception that `text` tells of; there must be one."""
    found = parse_exception(text)
    assert found is not None
    return found


def test_the_cause_is_the_last_one_of_the_chain() -> None:
    """It has the frames it shares with what it caused; what was suppressed is no cause."""
    assert exception(CHAIN) == ExceptionInfo(
        type="NullPointerException",
        message='Cannot invoke "Order.id()" because "o" is null',
        module="java.lang",
        frames=(
            Frame("Thread.java", 833, "java.lang.Thread.run", in_app=False),
            Frame("Main.java", 12, "com.example.shop.Main.run", in_app=True),
            Frame("Order.java", 7, "com.example.shop.Order.key", in_app=True),
        ),
    )


@pytest.mark.parametrize("escape", ["\\", "\\\\"])
def test_a_trace_on_one_line(escape: str) -> None:
    """Line feeds and tabs that were escaped, once or twice, read like real ones."""
    line = CHAIN.replace('"', escape + '"').replace("\n", escape + "n").replace("\t", escape + "t")
    assert "\n" not in line
    assert exception(line) == exception(CHAIN)


def test_without_a_cause() -> None:
    """The message may have several lines; words of the log before it do not count."""
    found = exception("10:00 ERROR c.e.App - it failed\n" + CHAIN[: CHAIN.index("\tSuppressed")])
    assert (found.module, found.type) == ("com.example.shop", "OrderException")
    assert found.message == "cannot place order\nsecond line"
    assert [frame.line for frame in found.frames] == [833, 12, 31]


def test_the_root_cause_first() -> None:
    """A logger may print the innermost one first, and what wrapped it below."""
    text = (
        "java.lang.IllegalStateException: inner\n"
        "\tat com.example.B.b(B.java:2)\n"
        "\t... 1 common frames omitted\n"
        "Wrapped by: java.lang.RuntimeException: outer\n"
        "\tat com.example.A.a(A.java:1)\n"
    )
    found = exception(text)
    assert (found.type, found.message) == ("IllegalStateException", "inner")
    assert [frame.function for frame in found.frames] == ["com.example.B.b"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("com.example.A.b(A.java:12)", Frame("A.java", 12, "com.example.A.b", in_app=True)),
        ("app//com.example.A.<init>(A.kt)", Frame("A.kt", 0, "com.example.A.<init>", in_app=True)),
        (
            "java.base@17/java.lang.Object.wait(Native Method)",
            Frame("Native Method", 0, "java.lang.Object.wait", in_app=False),
        ),
        (
            "com.example.A$$Lambda$14/0x0000000800066840.run(Unknown Source)",
            Frame(
                "Unknown Source", 0, "com.example.A$$Lambda$14/0x0000000800066840.run", in_app=False
            ),
        ),
        (
            "org.springframework.web.X.go(X.java:3) ~[spring-web-6.jar!/:6]",
            Frame("X.java", 3, "org.springframework.web.X.go", in_app=False),
        ),
    ],
)
def test_frames(line: str, expected: Frame) -> None:
    """Loaders and modules stand before the class, archives behind; libraries are told apart."""
    assert exception(f"java.lang.Error: x\n\tat {line}\n").frames == (expected,)


def test_traces_that_were_cut_off() -> None:
    """Without its beginning it has frames alone; without the end of a cause, what that has."""
    assert exception("\tat com.example.A.b(A.java:12)\n\tat com.exam") == ExceptionInfo(
        "", "", "", (Frame("A.java", 12, "com.example.A.b", in_app=True),)
    )
    ended = exception(CHAIN[: CHAIN.index("\tat com.example.shop.Order.key")])
    assert (ended.type, ended.frames) == ("NullPointerException", ())
    unnamed = exception(CHAIN[: CHAIN.index("java.lang.NullPointer")] + "[CIRCULAR REFERENCE]")
    assert unnamed.type == "OrderException"


def test_the_first_of_two_traces_counts() -> None:
    """Words that are not indented end a trace; lines about locks or coroutines do not."""
    one = "com.example.NotFound\n\tat com.example.A.b(A.java:1)\n\t- locked <0x1>\n"
    one += "\tat com.example.A.a(A.java:2)\n"
    found = exception(one + "\nnext\njava.lang.Error: x\n\tat com.example.C.c(C.java:3)\n")
    assert (found.module, found.type, found.message) == ("com.example", "NotFound", "")
    assert [frame.line for frame in found.frames] == [2, 1]


def test_recursion_folds() -> None:
    """A frame that repeats stands once."""
    frame = "\tat com.example.A.b(A.java:1)\n"
    assert len(exception("java.lang.StackOverflowError\n" + frame * 1024).frames) == 1
