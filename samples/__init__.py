"""Pictures drawn by this project; `truth.jsonl` has the texts and plates of each."""
