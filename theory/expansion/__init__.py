"""Second-order expansion of the MSDA loss: its terms, and their values on networks."""
