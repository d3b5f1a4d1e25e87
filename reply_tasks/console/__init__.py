"""The console: pages on loopback for the people who answer for what is sent, and their report.

It needs the extra ``console``. In the order of a request: ``serving`` (sockets and deadlines),
``guard`` (who gets in), ``app`` (which page), ``pages`` and ``decisions`` (what it shows, what a
person's word does), ``rendering`` (from values to HTML). It sends nothing itself.
"""
