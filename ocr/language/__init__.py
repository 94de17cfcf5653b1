"""What is likely written: letters that follow each other, known words, the script of a line.

In: probabilities of a reader. Out: the line, read again where the reader was in doubt.
"""
