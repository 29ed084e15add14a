"""Lists of readers: read as programs write them, written so that they read back as they were.

`file` turns bytes into lines, `columns` knows what headings mean, `values` what cells mean,
`line_report` tells what was lost, `importing` and `exporting` join them with the store.
"""
