"""Building what a command needs from options, files and the environment.

The leaves are imported first. An import within an import within an import grows the interpreter's
stack, and code that happens to run at the edge of one of its chunks (16 KB) maps and unmaps the
next one with every call: some expressions took ten times as long to compile there.
"""

import jinja2.sandbox  # noqa: F401
import sigma.rule  # noqa: F401
import yaml  # noqa: F401

import pipeline.entry
import pipeline.markdown  # noqa: F401
