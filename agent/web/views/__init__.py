"""What each page shows, worked out without I/O: values in, values out, time as an argument.

Wording stays in the catalogs of locale/ and markup in templates/; a view says which words and which tone.
"""
