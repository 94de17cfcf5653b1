"""The pictures that the models were least sure of: kept within bounds, labelled, learned from."""
