"""The state of an evaluation: sums that merge, of bounded size, and what is kept of rows."""
