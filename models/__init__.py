"""Model files, their manifest and a card for each."""
