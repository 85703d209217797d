"""report.html: the whole run on one page that needs nothing but a browser.

``page`` puts it together from ``card`` and ``tables``; ``diagram`` draws traffic; ``markup`` is the only place where
text becomes HTML. The page's frame, its style and its script are files beside them.
"""
