"""From files, tables and arrays to batches of columns, and to a plan of what they mean."""
