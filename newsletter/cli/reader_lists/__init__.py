"""Lists of readers: read files of many programs, and write files that give the same readers again.

`file` turns bytes into lines, `columns` knows what headings mean, `values` what cells mean,
`line_report` reports lost lines, `importing` and `exporting` connect them with the store.
"""
