"""Why an uploaded object is not taken."""


class Defect(Exception):
    """One word for programs, one sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail
