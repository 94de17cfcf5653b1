"""What a text detector and a reader are taught with: photos, rendered streets and walls, lines."""
