"""Messages to templates, however many and in whatever order they come.

A message is first reduced to its skeleton by its form alone (`masking`); the set of all skeletons
then tells which of the remaining words are parameters (`generalising`). As only the set counts,
any order, repetition or division of the same messages gives the same templates: miners merge.

What an id means: it is a hash of the version and the template's text. It stays while the text
does. What is learned later can turn words of the text into parameters, and then the id is another
one. Who needs a key that no other message changes takes `skeleton` or `fingerprint.of_message`.

The ideas of masking first and of places with many values are those of Drain, IPLoM and Brain. They
decide message by message or by frequencies, which depend on order, or on how often one is logged.
"""

from pipeline.mining.masking import LIMIT, skeleton
from pipeline.mining.miner import Miner
from pipeline.mining.template import VERSION, Parameter, Template

__all__ = ["LIMIT", "VERSION", "Miner", "Parameter", "Template", "skeleton"]
