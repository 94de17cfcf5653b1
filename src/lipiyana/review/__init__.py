"""Pictures that the models were unsure of: kept within bounds, labelled, learned from.

In: answers of a recognizer. Out: a folder of pictures, and tasks for Label Studio.
"""
