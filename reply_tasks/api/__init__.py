"""Calling Reply: one call in, one ``Answer`` out, one ``Decision`` about what follows.

Read in this order: ``dialect`` and ``identity`` (what a request says), ``exchange`` (its bytes and
those of the answer), ``transport`` (what happened on the wire), ``problems`` and ``answers`` (what
came back), ``decisions`` (what to do about it), ``client`` (the calls), ``backoff`` and ``quota``
(when to make them).
"""
