"""Pictures that this project drew, and what there is to read in each (`truth.jsonl`)."""
