"""A page that shows a database: one HTML file that loads nothing, made of a report. Imported only where one is asked for."""
