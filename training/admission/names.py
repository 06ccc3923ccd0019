"""What the files of an admission's folder are called."""

MODEL_NAME, REQUEST_NAME, ADMITTED_NAME, REFUSED_NAME = "model", "request.json", "admitted.json", "refused.json"
