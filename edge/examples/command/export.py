"""Print detections of the last seven days that a person has looked at, one JSON object a line, for `cc-edge upload`."""

import json
import sqlite3
import sys

QUERY = """
    SELECT id, camera, seen_at, model_read, person_read, sure, image FROM detections
    WHERE person_read IS NOT NULL AND seen_at >= datetime((SELECT max(seen_at) FROM detections), '-7 days') ORDER BY id
"""


def main(path: str) -> None:
    """Read the database at `path` and print; an error ends with a traceback, and the upload then seals nothing."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        for number, camera, seen_at, model_read, person_read, sure, image in database.execute(QUERY):
            agrees = model_read == person_read
            sample = {
                "event_id": f"d-{number}",
                "camera_id": camera,
                "ai_module": "digits",
                "captured_at": f"{seen_at.replace(' ', 'T')}+05:30",
                "label_status": "correct" if agrees else "changed",
                "prediction": {"label": model_read},
                **({} if agrees else {"correction": {"label": person_read}}),
                "confidence": sure,
                "file": image,
            }
            print(json.dumps(sample))


if __name__ == "__main__":
    main(sys.argv[1])
