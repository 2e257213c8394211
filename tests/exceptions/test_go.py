"""Panics of Go: the one that came first, and where it was raised."""

import textwrap

import pytest

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception

PANIC = textwrap.dedent(
    """\
    panic: runtime error: index out of range [5] with length 3 [recovered]
    \tpanic: while handling it

    goroutine 18 [running]:
    example.com/app/web.recovery({0x511f40, 0x5a3b28})
    \t/app/web/recovery.go:16 +0x24a
    panic({0x511f40?, 0x5a3b28?})
    \t/usr/local/go/src/runtime/panic.go:770 +0x132
    example.com/app/store.(*Store).Put(0xc0000a6000, {0x52, 0x3})
    \t/app/store/store.go:31 +0x5c
    github.com/gin-gonic/gin.(*Context).Next(...)
    \t/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go:174
    net/http.HandlerFunc.ServeHTTP(0xc0)
    \t/usr/local/go/src/net/http/server.go:2166 +0x29
    created by net/http.(*Server).Serve in goroutine 1
    \t/usr/local/go/src/net/http/server.go:3086 +0x5cb

    goroutine 1 [select]:
    main.other()
    \t/app/other.go:1 +0x1
    exit status 2
    """
)


SERVING = textwrap.dedent(
    """\
    2025/09/10 00:33:54 http: panic serving 10.0.0.1:80: runtime error: integer divide by zero
    [signal SIGFPE: floating-point exception]
    goroutine 7 [running]:
    """
)


def exception(text: str) -> ExceptionInfo:
    """Return the exception that `text` tells of; there must be one."""
    found = parse_exception(text)
    assert found is not None
    return found


def test_the_first_panic_is_the_cause() -> None:
    """The raising frame is the one that panicked: not what recovered, not another goroutine's."""
    gin = "github.com/gin-gonic/gin"
    assert exception(PANIC) == ExceptionInfo(
        type="Error",
        message="index out of range [5] with length 3",
        module="runtime",
        frames=(
            Frame(
                "/usr/local/go/src/net/http/server.go",
                2166,
                "net/http.HandlerFunc.ServeHTTP",
                in_app=False,
            ),
            Frame(
                f"/go/pkg/mod/{gin}@v1.9.1/context.go", 174, f"{gin}.(*Context).Next", in_app=False
            ),
            Frame("/app/store/store.go", 31, "example.com/app/store.(*Store).Put", in_app=True),
        ),
    )


@pytest.mark.parametrize("escape", ["\\", "\\\\"])
def test_a_panic_on_one_line(escape: str) -> None:
    """Line feeds and tabs that were escaped, once or twice, read like real ones."""
    line = PANIC.replace("\n", escape + "n").replace("\t", escape + "t")
    assert exception(line) == exception(PANIC)


@pytest.mark.parametrize(
    ("text", "module", "name", "message"),
    [
        ("panic: boom", "", "panic", "boom"),
        ("panic: boom [recovered, repanicked]", "", "panic", "boom"),
        ("panic: two\nlines\n\nmore", "", "panic", "two\nlines"),
        ('panic: main.Code("bad")', "main", "Code", '"bad"'),
        ("panic: (*example.com/app.Failure) 0xc0", "example.com/app", "Failure", "0xc0"),
        (
            "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:",
            "",
            "fatal error",
            "all goroutines are asleep - deadlock!",
        ),
        (SERVING, "runtime", "Error", "integer divide by zero"),
        ("goroutine 7 [running]:", "", "", ""),
    ],
)
def test_what_panicked(text: str, module: str, name: str, message: str) -> None:
    """The type is the one that the text names; a value that is text or an error names none."""
    assert exception(text) == ExceptionInfo(name, message, module, ())


@pytest.mark.parametrize(
    "text",
    ["kernel panic: no", "do not panic: stay", "fatal error: x.h: No such file", "a.go:1: no x"],
)
def test_other_text_tells_of_no_panic(text: str) -> None:
    """Words that look alike, and what a compiler says, are no panic."""
    assert parse_exception(text) is None


def test_panics_that_were_cut_off() -> None:
    """Without its beginning a panic has frames alone, also where the call itself is missing."""
    text = "\t/app/a.go:1 +0x1\nmain.b(0x1)\n\t/app/b.go:2 +0x2\nmain.c(0x"
    assert exception(text) == ExceptionInfo(
        "",
        "",
        "",
        (Frame("/app/b.go", 2, "main.b", in_app=True), Frame("/app/a.go", 1, "", in_app=True)),
    )
