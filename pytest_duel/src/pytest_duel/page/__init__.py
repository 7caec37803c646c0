"""The report as one page: material → sections → charts → document.

A section is one module with a function from `Material` to `Section`s, and one entry in
`contents`. It says what is to be shown, in words, tables and figures; how a page looks
is the business of `document`, and of the template, the style and the script beside it.
"""
