"""Charts as Vega-Lite specifications, for the page and for the docs' figures.

Times are in seconds, and axes say ns, µs, ms or s. A chart's rows are plain dictionaries; fields
that begin with a capital letter are what its tooltip shows, as text.

`sweep`, `trends` and `judgements` have the charts of these; `look`, `axes` and `elements` have
what they share.
"""
