"""Claims of the papers: every number and every comparing sentence, and the verdicts on them."""
