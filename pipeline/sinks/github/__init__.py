"""GitHub's REST API, as far as issues go: what it says in our values, what fails in few kinds.

`credentials.py` reads who we are, `wire.py` sends one request and no more, `failures.py` has what
can go wrong and `verdict.py` which of it an answer means, `shapes.py` makes values of answers,
`pacing.py` says when the next request may go, `client.py` is what the sink uses.
"""
