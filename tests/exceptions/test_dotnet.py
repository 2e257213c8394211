"""Stack traces of .NET: the innermost exception and its own frames."""

import pytest

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception

CHAIN = """\
Unhandled exception. System.InvalidOperationException: outer
 ---> App.StoreException: middle
 ---> System.IO.FileNotFoundException: Could not find file 'x'.
File name: 'x'
   at System.IO.File.Open(String path, FileMode mode)
   at App.Store.<Load>d__5.MoveNext() in /src/Store.cs:line 12
--- End of stack trace from previous location ---
   at App.Store.Get[T](T x) in /src/Store.cs:line 30
   --- End of inner exception stack trace ---
   at App.Store.Find() in /src/Store.cs:line 40
   --- End of inner exception stack trace ---
   at App.Program.<Main>$(String[] args) in /src/Program.cs:line 3
"""


def exception(text: str) -> ExceptionInfo:
    """Return the exception that `text` tells of; there must be one."""
    found = parse_exception(text)
    assert found is not None
    return found


def test_the_innermost_exception_is_the_cause() -> None:
    """Its frames end where its trace does; that a task was awaited in between is no end."""
    assert exception(CHAIN) == ExceptionInfo(
        type="FileNotFoundException",
        message="Could not find file 'x'.\nFile name: 'x'",
        module="System.IO",
        frames=(
            Frame("/src/Store.cs", 30, "App.Store.Get[T]", in_app=True),
            Frame("/src/Store.cs", 12, "App.Store.<Load>d__5.MoveNext", in_app=True),
            Frame("<unknown>", 0, "System.IO.File.Open", in_app=False),
        ),
    )


@pytest.mark.parametrize("escape", ["\\n", "\\\\n", "\\r\\n", "\r\n"])
def test_other_line_ends(escape: str) -> None:
    """Escaped line feeds, and those of Windows, change nothing."""
    assert exception(CHAIN.replace("\n", escape)) == exception(CHAIN)


def test_arrows_on_one_line() -> None:
    """The .NET Framework wrote the whole chain on one line."""
    text = "System.Exception: a ---> System.ArgumentException: b\n   at A.B.C()\n"
    assert exception(text).type == "ArgumentException"


def test_an_aggregate_tells_its_first_exception() -> None:
    """A code in parentheses is no part of the type; what is numbered below does not count."""
    text = (
        "System.AggregateException: One or more errors occurred. (refused) (other)\n"
        " ---> System.Net.Sockets.SocketException (111): Connection refused\n"
        "   at App.Db.Open() in /src/Db.cs:line 5\n"
        "   --- End of inner exception stack trace ---\n"
        "   at System.Threading.Tasks.Task.Wait()\n"
        " ---> (Inner Exception #1) System.Exception: other\n"
        "   at App.Z.Z()<---\n"
    )
    found = exception(text)
    assert (found.module, found.type) == ("System.Net.Sockets", "SocketException")
    assert found.message == "Connection refused"
    assert [frame.function for frame in found.frames] == ["App.Db.Open"]


def test_traces_that_were_cut_off() -> None:
    """Frames alone are read, and so is a trace whose innermost name is missing."""
    assert exception("   at App.A.B()\n   at Sys") == ExceptionInfo(
        "", "", "", (Frame("<unknown>", 0, "App.A.B", in_app=True),)
    )
    assert exception("App.MyError: x\n ---> \n\n   at App.A.B()\n\n").type == "MyError"
