"""Whose fault it is. Everything the autograder raises on purpose is one of these."""


class AutograderError(Exception):
    """What the autograder raises on purpose: says what was asked, what came and what to do."""


class SubmissionFault(AutograderError):
    """The submission cannot be used as it is. Costs that submission, and no other, its marks."""


class GraderFault(AutograderError):
    """We could not do our part. The question is left ungraded; no student gains or loses by it."""
