"""What is counted of a picture and of its answer, and the sums over many pictures."""
